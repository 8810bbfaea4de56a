/* The tree of nodes: names, lookups, and the routines of fs.defs and io.defs. */

#include "world.h"
#include <errno.h>

struct node *root;
struct translator *root_fs;
static uint32_t next_number = 2;
static struct open *opens;

enum { S_IFDIR_ = 0040000, S_IFREG_ = 0100000, S_IFLNK_ = 0120000, S_IFMT_ = 0170000 };

struct node *
node_new (struct node *parent, const char *name, uint32_t mode)
{
  struct node *node = calloc (1, sizeof *node);
  snprintf (node->name, sizeof node->name, "%s", name);
  node->parent = parent ? parent : node;
  node->mode = mode;
  node->number = next_number++;
  node->links = 1;
  node->uid = self_ids->n[0] ? self_ids->euids[0] : 0;
  if (parent)
    {
      node->fs = parent->fs;
      node->next = parent->children;
      parent->children = node;
    }
  return node;
}

static struct node *
child (struct node *directory, const char *name)
{
  for (struct node *n = directory->children; n; n = n->next)
    if (!strcmp (n->name, name))
      return n;
  return 0;
}

static void
unlink_node (struct node *node)
{
  struct node **at = &node->parent->children;
  while (*at != node)
    at = &(*at)->next;
  *at = node->next;
  node->links--;
}

int
may_own (struct node *node)
{
  for (uint32_t i = 0; i < self_ids->n[0]; i++)
    if (self_ids->euids[i] == 0 || self_ids->euids[i] == node->uid)
      return 1;
  return 0;
}

static int
may (struct node *node, int flags)
{
  if (may_own (node))
    return !(flags & O_EXEC_) || (node->mode & S_IFMT_) == S_IFDIR_ || node->mode & 0111;
  int have = node->mode & 7;
  return !(flags & O_READ_ && !(have & 4)) && !(flags & O_WRITE_ && !(have & 2))
    && !(flags & O_EXEC_ && !(have & 1));
}

int
node_control (struct node *node, struct port **control)
{
  if (node->active && !node->active->alive)
    {
      port_drop (node->active);
      node->active = 0;
    }
  *control = node->active;
  return node->active ? 0 : H_ENXIO;
}

/* The root of the translator on a node, started by its record if need be; the node itself if there
   is neither. */
static int
cross (struct node **node, int flags, int depth)
{
  struct port *control;
  if (node_control (*node, &control) && (*node)->passive_size)
    {
      struct node *program;
      const char *name = (*node)->passive;
      if (!strcmp (name, "/hurd/symlink"))
	{
	  if (flags & (O_NOFOLLOW_ | O_NOLINK_))
	    return 0;
	  if (depth > 8)
	    return H_ELOOP;
	  return resolve ((*node)->parent, name + strlen (name) + 1, flags, 0, node);
	}
      int error = resolve (root, name, 0, 0, &program);
      if (error)
	return error;
      if (!program->program)
	return H_EACCES;
      if (!strcmp (program->program, "exits") || !strcmp (program->program, "silent"))
	return H_EDIED;
      struct translator *made
	= translator_new (*node, program->program, (*node)->passive, (*node)->passive_size);
      control = made->control;
      (*node)->active = control;
      port_hold (control);
    }
  if (control && control->kind == CONTROL)
    *node = ((struct translator *) control->object)->root;
  else if (control)
    return H_EOPNOTSUPP;
  return 0;
}

int
resolve (struct node *start, const char *name, int flags, uint32_t mode, struct node **found)
{
  static int depth;
  struct node *at = *name == '/' ? root : start;
  int error = 0;
  depth++;
  while (!error && *name)
    {
      name += strspn (name, "/");
      size_t length = strcspn (name, "/");
      char part[256];
      if (!length)
	break;
      if (length >= sizeof part)
	{
	  error = HURD (63);
	  break;
	}
      memcpy (part, name, length);
      part[length] = 0;
      name += length;
      int last = !name[strspn (name, "/")];
      if ((at->mode & S_IFMT_) != S_IFDIR_)
	{
	  error = H_ENOTDIR;
	  break;
	}
      if (!strcmp (part, "."))
	continue;
      struct node *next = strcmp (part, "..") ? child (at, part) : at->parent;
      if (!next && last && flags & O_CREAT_)
	{
	  if (at->fs->readonly)
	    error = H_EROFS;
	  else if (!may (at, O_WRITE_))
	    error = H_EACCES;
	  else
	    {
	      at = node_new (at, part, S_IFREG_ | (mode & 0777));
	      continue;
	    }
	  break;
	}
      if (!next)
	error = H_ENOENT;
      else if (last && flags & O_CREAT_ && flags & O_EXCL_)
	error = H_EEXIST;
      else
	{
	  at = next;
	  if (!(last && flags & O_NOTRANS_))
	    error = cross (&at, last ? flags : 0, depth);
	}
    }
  depth--;
  if (!error && flags & O_DIRECTORY_ && (at->mode & S_IFMT_) != S_IFDIR_)
    error = H_ENOTDIR;
  if (!error && !may (at, flags))
    error = H_EACCES;
  if (!error && flags & O_WRITE_ && (at->mode & S_IFMT_) == S_IFDIR_)
    error = H_EISDIR;
  if (!error && flags & O_WRITE_ && at->fs->readonly)
    error = H_EROFS;
  if (!error && flags & O_TRUNC_)
    at->size = 0;
  *found = at;
  return error;
}

static void
close_open (struct port *port)
{
  struct open **at = &opens;
  while (*at != port->object)
    at = &(*at)->next;
  *at = (*at)->next;
  free (port->object);
  free (port);		/* nobody knows it any more */
}

struct port *
open_node (struct node *node, int flags)
{
  if (node->service != ANY)
    return port_new (node->service, node);
  struct open *made = calloc (1, sizeof *made);
  *made = (struct open) { node, flags, 0, opens };
  opens = made;
  struct port *port = port_new (NODE, made);
  port->forgotten = close_open;
  return port;
}

/* How many opens a file system has, those for writing only if asked. */
int
standin_opens (struct translator *fs, int flags)
{
  int count = 0;
  for (struct open *o = opens; o; o = o->next)
    if (o->node->fs == fs && (o->flags & flags) == flags)
      count++;
  return count;
}

#define OPEN(file) \
  struct open *o; \
  int error = target (file, NODE, &o); \
  if (error) return error; \
  struct node *node __attribute__ ((unused)) = o->node
#define OWNER() if (!may_own (node)) return H_EPERM
#define WRITABLE() if (node->fs->readonly) return H_EROFS

/* fs.defs */

int
file_chown (uint32_t file, uint32_t owner, uint32_t group)
{
  ENTER (file_chown);
  OPEN (file);
  OWNER ();
  WRITABLE ();
  if (owner != (uint32_t) -1)
    node->uid = owner;
  if (group != (uint32_t) -1)
    node->gid = group;
  return 0;
}

ROUTINE (file_chauthor, (uint32_t file, uint32_t author), OPEN (file),
  OWNER ();
  node->author = author;)

ROUTINE (file_chmod, (uint32_t file, uint32_t mode), OPEN (file),
  OWNER ();
  WRITABLE ();
  node->mode = (node->mode & S_IFMT_) | (mode & 07777);)

ROUTINE (file_chflags, (uint32_t file, int32_t flags), OPEN (file),
  OWNER ();
  node->flags = flags;)

ROUTINE (file_utimens, (uint32_t file, timespec_t atime, timespec_t mtime), OPEN (file),
  OWNER ();
  node->atime[0] = atime.tv_sec, node->atime[1] = atime.tv_nsec;
  node->mtime[0] = mtime.tv_sec, node->mtime[1] = mtime.tv_nsec;)

ROUTINE (file_utimes, (uint32_t file, time_value_t atime, time_value_t mtime), OPEN (file),
  OWNER ();
  node->atime[0] = atime.seconds, node->atime[1] = atime.microseconds * 1000L;
  node->mtime[0] = mtime.seconds, node->mtime[1] = mtime.microseconds * 1000L;)

static void
resize (struct node *node, size_t size)
{
  node->data = realloc (node->data, size + 1);
  if (size > node->size)
    memset (node->data + node->size, 0, size - node->size);
  node->size = size;
}

ROUTINE (file_set_size, (uint32_t file, int64_t size), OPEN (file),
  if (!(o->flags & O_WRITE_))
    return H_EINVAL;
  resize (node, size);)

ROUTINE (file_lock, (uint32_t file, int32_t flags), OPEN (file),
  if ((flags & 2 && node->lock) || (flags & 1 && node->lock == 2))
    return H_EWOULDBLOCK;
  node->lock = flags & 8 ? 0 : flags & 3;)

ROUTINE (file_lock_stat, (uint32_t file, int32_t *mine, int32_t *others), OPEN (file),
  *mine = node->lock ? node->lock : 8;
  *others = 8;)

ROUTINE (file_check_access, (uint32_t file, int32_t *allowed), OPEN (file),
  *allowed = 0;
  for (int bit = 1; bit <= 4; bit <<= 1)
    if (may (node, bit))
      *allowed |= bit;)

ROUTINE (file_getcontrol, (uint32_t file, uint32_t *control), OPEN (file),
  if (!may_own (node->fs->root))
    return H_EPERM;
  *control = port_give_new (node->fs->control);)

ROUTINE (file_statfs, (uint32_t file, fsys_statfsbuf_t *info), OPEN (file),
  *info = (fsys_statfsbuf_t) {
    .f_type = 0x17, .f_bsize = 4096, .f_blocks = 1ULL << 40, .f_bfree = 1000, .f_bavail = 900,
    .f_files = 500, .f_ffree = 400, .f_fsid = 0x123456789abcdefULL, .f_namelen = 255,
    .f_favail = 300, .f_frsize = 1024, .f_flag = node->fs->readonly
  };)

ROUTINE (file_sync, (uint32_t file, int32_t wait, int32_t omit), OPEN (file))

ROUTINE (file_syncfs, (uint32_t file, int32_t wait, int32_t children), OPEN (file))

int
dir_lookup (uint32_t directory, const char *name, int32_t flags, uint32_t mode, int32_t *retry,
	    char *retry_name, uint32_t *result)
{
  ENTER (dir_lookup);
  OPEN (directory);
  struct node *found;
  error = resolve (node, name, flags, mode, &found);
  if (error)
    return error;
  *retry = 1;
  memset (retry_name, 0, 1024);
  *result = port_give_new (open_node (found, flags));
  return 0;
}

int
dir_readdir (uint32_t directory, char **data, uint32_t *count, int32_t entry, int32_t n_entries,
	     uintptr_t size, int32_t *amount)
{
  ENTER (dir_readdir);
  OPEN (directory);
  if ((node->mode & S_IFMT_) != S_IFDIR_)
    return H_ENOTDIR;
  char *packed = malloc (1 << 20);
  size_t used = 0;
  int index = 0;
  *amount = 0;
  for (struct node *n = node->children; n; n = n->next, index++)
    {
      size_t length = (12 + strlen (n->name) + 1 + 3) / 4 * 4;
      if (index < entry)
	continue;
      if ((n_entries >= 0 && *amount == n_entries) || (size && used + length > size))
	break;
      uint64_t number = n->number;
      uint16_t record = length;
      memset (packed + used, 0, length);
      memcpy (packed + used, &number, 8);
      memcpy (packed + used + 8, &record, 2);
      packed[used + 10] = n->mode >> 12;
      packed[used + 11] = strlen (n->name);
      strcpy (packed + used + 12, n->name);
      used += length;
      ++*amount;
    }
  ARRAY (data, count, packed, used);
  free (packed);
  return 0;
}

static int
in_directory (uint32_t directory, const char *name, struct node **parent, struct node **found)
{
  OPEN (directory);
  if ((node->mode & S_IFMT_) != S_IFDIR_)
    return H_ENOTDIR;
  WRITABLE ();
  if (!may (node, O_WRITE_))
    return H_EACCES;
  *parent = node;
  *found = child (node, name);
  return 0;
}

int
dir_mkdir (uint32_t directory, const char *name, uint32_t mode)
{
  ENTER (dir_mkdir);
  struct node *parent, *found;
  int error = in_directory (directory, name, &parent, &found);
  if (error || found)
    return error ? error : H_EEXIST;
  node_new (parent, name, S_IFDIR_ | (mode & 0777));
  return 0;
}

int
dir_rmdir (uint32_t directory, const char *name)
{
  ENTER (dir_rmdir);
  struct node *parent, *found;
  int error = in_directory (directory, name, &parent, &found);
  if (error || !found)
    return error ? error : H_ENOENT;
  if ((found->mode & S_IFMT_) != S_IFDIR_)
    return H_ENOTDIR;
  if (found->children)
    return H_ENOTEMPTY;
  unlink_node (found);
  return 0;
}

int
dir_unlink (uint32_t directory, const char *name)
{
  ENTER (dir_unlink);
  struct node *parent, *found;
  int error = in_directory (directory, name, &parent, &found);
  if (error || !found)
    return error ? error : H_ENOENT;
  if ((found->mode & S_IFMT_) == S_IFDIR_)
    return H_EISDIR;
  unlink_node (found);
  return 0;
}

int
dir_link (uint32_t directory, uint32_t file, const char *name, int32_t excl)
{
  ENTER (dir_link);
  struct node *parent, *found;
  int refused = in_directory (directory, name, &parent, &found);
  if (refused)
    return refused;
  OPEN (file);
  if (found && excl)
    return H_EEXIST;
  if (found)
    unlink_node (found);
  /* One name only: enough for what was made by dir_mkfile. */
  snprintf (node->name, sizeof node->name, "%s", name);
  node->parent = parent;
  node->next = parent->children;
  parent->children = node;
  node->links++;
  return 0;
}

int
dir_rename (uint32_t old_directory, const char *old_name, uint32_t new_directory,
	    const char *new_name, int32_t excl)
{
  ENTER (dir_rename);
  struct node *from, *to, *node, *there;
  int error = in_directory (old_directory, old_name, &from, &node);
  if (!error)
    error = in_directory (new_directory, new_name, &to, &there);
  if (error || !node)
    return error ? error : H_ENOENT;
  if (there && excl)
    return H_EEXIST;
  if (there)
    unlink_node (there);
  unlink_node (node);
  snprintf (node->name, sizeof node->name, "%s", new_name);
  node->parent = to;
  node->next = to->children;
  to->children = node;
  node->links++;
  return 0;
}

ROUTINE (dir_mkfile, (uint32_t directory, int32_t flags, uint32_t mode, uint32_t *new_node),
	  OPEN (directory),
  WRITABLE ();
  struct node *made = node_new (node, "", S_IFREG_ | (mode & 0777));
  unlink_node (made);
  *new_node = port_give_new (open_node (made, flags));)

int
file_set_translator (uint32_t file, int32_t passive_flags, int32_t active_flags,
		     int32_t goaway, const char *passive, uint32_t passive_size, uint32_t active,
		     uint32_t disposition)
{
  ENTER (file_set_translator);
  struct port *control, *old;
  int error = port_take (active, disposition, &control);
  if (error)
    return error;
  struct open *o;
  if ((error = target (file, NODE, &o)))
    goto out;
  struct node *node = o->node;
  error = H_EPERM;
  if (!may_own (node))
    goto out;
  error = 0;
  if (passive_flags & 4)
    {
      if (node->fs->readonly)
	error = H_EROFS;
      else if (passive_flags & 2 && node->passive_size)
	error = H_EBUSY;
      else if (passive_size && passive[passive_size - 1])
	error = H_EINVAL;
      else if (passive_size > sizeof node->passive)
	error = HURD (63);
    }
  if (error)
    goto out;
  if (active_flags & 4)
    {
      node_control (node, &old);
      if (old && active_flags & 2)
	error = H_EBUSY;
      else if (old && !(active_flags & 8) && old->kind == CONTROL)
	{
	  error = translator_goaway (old->object, goaway);
	  if (error == MIG_SERVER_DIED)
	    error = 0;
	}
      if (error)
	goto out;
      node_control (node, &old);
      if (old)
	port_drop (old);
      node->active = control;
      control = 0;
      if (node->active && node->active->kind == CONTROL)
	((struct translator *) node->active->object)->root->parent = node->parent;
    }
  if (passive_flags & 4)
    {
      memcpy (node->passive, passive, passive_size);
      node->passive_size = passive_size;
    }
out:
  port_drop (control);
  return error;
}

ROUTINE (file_get_translator, (uint32_t file, char **data, uint32_t *count), OPEN (file),
  if (!node->passive_size)
    return H_EINVAL;
  ARRAY (data, count, node->passive, node->passive_size);)

int
file_get_translator_cntl (uint32_t file, uint32_t *control)
{
  ENTER (file_get_translator_cntl);
  OPEN (file);
  struct port *active;
  OWNER ();
  error = node_control (node, &active);
  if (!error)
    *control = port_give_new (active);
  return error;
}

int
file_get_fs_options (uint32_t file, char **data, uint32_t *count)
{
  ENTER (file_get_fs_options);
  OPEN (file);
  if (!node->fs->options_size)
    return H_EOPNOTSUPP;
  ARRAY (data, count, node->fs->options, node->fs->options_size);
  return 0;
}

/* io.defs */

int
io_stat (uint32_t object, io_statbuf_t *st)
{
  ENTER (io_stat);
  OPEN (object);
  struct port *control;
  uint32_t bits = node->passive_size ? 010000000 : 0;
  if (!node_control (node, &control))
    bits |= 020000000;
  if (node == node->fs->root)
    bits |= 040000000;
  *st = (io_statbuf_t) {
    .st_fstype = 0x17, .st_fsid = 0x1122334455667788ULL, .st_ino = node->number, .st_gen = 7,
    .st_rdev = 0x305, .st_mode = node->mode | bits, .st_nlink = node->links, .st_uid = node->uid,
    .st_gid = node->gid, .st_size = node->size, .st_atim = { node->atime[0], node->atime[1] },
    .st_mtim = { node->mtime[0], node->mtime[1] }, .st_ctim = { 1, 2 }, .st_blksize = 4096,
    .st_blocks = (node->size + 511) / 512, .st_author = node->author, .st_flags = node->flags
  };
  return 0;
}

int
io_read (uint32_t object, char **data, uint32_t *count, int64_t offset, uintptr_t amount)
{
  ENTER (io_read);
  OPEN (object);
  if (!(o->flags & O_READ_))
    return H_EBADF;
  if ((node->mode & S_IFMT_) == S_IFDIR_)
    return H_EISDIR;
  int64_t at = offset < 0 ? o->offset : offset;
  size_t n = at >= (int64_t) node->size ? 0 : node->size - at;
  if (n > amount)
    n = amount;
  ARRAY (data, count, node->data + at, n);
  if (offset < 0)
    o->offset += n;
  return 0;
}

int
io_write (uint32_t object, const char *data, uint32_t count, int64_t offset, uintptr_t *amount)
{
  ENTER (io_write);
  OPEN (object);
  if (!(o->flags & O_WRITE_))
    return H_EBADF;
  int64_t at = offset < 0 ? (o->flags & O_APPEND_ ? (int64_t) node->size : o->offset) : offset;
  if (at + count > (int64_t) node->size)
    resize (node, at + count);
  memcpy (node->data + at, data, count);
  if (offset < 0)
    o->offset = at + count;
  *amount = count;
  return 0;
}

ROUTINE (io_seek, (uint32_t object, int64_t offset, int32_t whence, int64_t *now), OPEN (object),
  int64_t base = whence == 0 ? 0 : whence == 1 ? o->offset : (int64_t) node->size;
  if (base + offset < 0)
    return H_EINVAL;
  *now = o->offset = base + offset;)

ROUTINE (io_readable, (uint32_t object, uintptr_t *amount), OPEN (object),
  *amount = node->size > (size_t) o->offset ? node->size - o->offset : 0;)

ROUTINE (io_get_openmodes, (uint32_t object, int32_t *bits), OPEN (object),
  *bits = o->flags & 0xffff;)

ROUTINE (io_set_some_openmodes, (uint32_t object, int32_t bits), OPEN (object),
  o->flags |= bits;)

ROUTINE (io_clear_some_openmodes, (uint32_t object, int32_t bits), OPEN (object),
  o->flags &= ~bits;)

ROUTINE (io_duplicate, (uint32_t object, uint32_t *copy), OPEN (object),
  *copy = port_give_new (open_node (node, o->flags));)

ROUTINE (io_server_version, (uint32_t object, char *name, int32_t *major, int32_t *minor,
	  int32_t *edit), OPEN (object),
  memset (name, 0, 1024);
  strcpy (name, "stand-in");
  *major = 0, *minor = 9, *edit = 1;)

int
io_identity (uint32_t object, uint32_t *id, uint32_t *fsid, uint64_t *number)
{
  ENTER (io_identity);
  OPEN (object);
  static struct { struct node *node; struct port *port; } known[64];
  int i = 0;
  while (i < 63 && known[i].node && known[i].node != node)
    i++;
  if (known[i].node != node)
    {
      known[i].node = node;
      known[i].port = port_new (SERVICE, node);
      port_hold (known[i].port);
    }
  *id = port_give_new (known[i].port);
  *fsid = port_give_new (node->fs->control);
  *number = node->number;
  return 0;
}

/* libc's lookups. */

static uint32_t
failed (int error)
{
  errno = error;
  return NULL_PORT;
}

static int
lookup_from (struct node *start, const char *name, int flags, uint32_t mode, uint32_t *port)
{
  ENTER (file_name_lookup);
  struct node *found;
  int error = resolve (start, name, flags, mode, &found);
  if (!error)
    *port = port_give_new (open_node (found, flags));
  return error;
}

uint32_t
file_name_lookup (const char *name, int flags, uint32_t mode)
{
  uint32_t port;
  int error = lookup_from (root, name, flags, mode, &port);
  return error ? failed (error) : port;
}

static int
lookup_under (uint32_t directory, const char *name, int flags, uint32_t mode, uint32_t *port)
{
  ENTER (file_name_lookup_under);
  OPEN (directory);
  struct node *found;
  error = resolve (node, name, flags, mode, &found);
  if (!error)
    *port = port_give_new (open_node (found, flags));
  return error;
}

uint32_t
file_name_lookup_under (uint32_t directory, const char *name, int flags, uint32_t mode)
{
  uint32_t port;
  int error = lookup_under (directory, name, flags, mode, &port);
  return error ? failed (error) : port;
}

uint32_t
file_name_split (const char *file, char **name)
{
  char directory[1024];
  const char *slash = strrchr (file, '/');
  *name = (char *) (slash ? slash + 1 : file);
  snprintf (directory, sizeof directory, "/%.*s", slash ? (int) (slash - file) : 0, file);
  return file_name_lookup (directory, 0, 0);
}

uint32_t
directory_name_split (const char *file, char **name)
{
  size_t length = strlen (file);
  while (length > 1 && file[length - 1] == '/')
    length--;
  char copy[1024];
  snprintf (copy, sizeof copy, "%.*s", (int) length, file);
  uint32_t directory = file_name_split (copy, name);
  *name = (char *) file + (*name - copy);	/* with its slashes, as in glibc */
  return directory;
}

uint32_t
file_name_path_lookup (const char *name, const char *path, int flags, uint32_t mode, char **found)
{
  char full[1024];
  *found = 0;
  if (strchr (name, '/'))
    return file_name_lookup (name, flags, mode);
  for (; *path; path += strcspn (path, ":"), path += *path == ':')
    {
      snprintf (full, sizeof full, "%.*s/%s", (int) strcspn (path, ":"), path, name);
      uint32_t port = file_name_lookup (full, flags, mode);
      if (port)
	{
	  *found = strdup (full);
	  return port;
	}
    }
  return failed (H_ENOENT);
}

uint32_t
getdport (int fd)
{
  return fd < 0 || fd > 2 ? failed (H_EBADF) : file_name_lookup ("/dev/console", 3, 0);
}

static int
checked_openport (uint32_t port, int flags)
{
  ENTER (openport);
  OPEN (port);
  struct port *taken;
  if (!port_take (port, MOVE_SEND, &taken))
    port_drop (taken);
  return 0;
}

int
openport (uint32_t port, int flags)
{
  int error = checked_openport (port, flags);
  if (error)
    {
      errno = error;
      return -1;
    }
  return 77;
}

uint32_t
getcwdir (void)
{
  return file_name_lookup ("/", 0, 0);
}

uint32_t
getcrdir (void)
{
  return file_name_lookup ("/", 0, 0);
}
