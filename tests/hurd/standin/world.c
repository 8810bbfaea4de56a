/* What there is at the beginning, and the servers that answer messages made by hand. */

#include "world.h"

void standin_processes_start (void);

static struct node *
path (const char *name, uint32_t mode)
{
  struct node *at = root, *found = 0;
  char part[256];
  while (*name++ == '/')
    {
      size_t length = strcspn (name, "/");
      snprintf (part, sizeof part, "%.*s", (int) length, name);
      name += length;
      for (found = at->children; found && strcmp (found->name, part);)
	found = found->next;
      at = found ? found : node_new (at, part, *name ? 0040755 : mode);
    }
  return at;
}

static void
program (const char *name, const char *does)
{
  path (name, 0100755)->program = does;
}

/* The last message that a server of this file got: id, then its numbers. */
uint64_t standin_last_message[8];

int
standin_serve (struct port *port, struct message *m, struct field *answer, int *n_fields)
{
  memset (standin_last_message, 0, sizeof standin_last_message);
  standin_last_message[0] = m->id;
  for (int i = 0; i < 7; i++)
    if (!word_of (m, i, &standin_last_message[i + 1]))
      break;
  if (port->kind != SERVICE && port->kind != STARTUP)
    return MIG_BAD_ID;
  switch (m->id)
    {
    case 40000:			/* shutdown_shutdown */
    case 41000:			/* acpi_sleep */
    case 2282:			/* default_pager_object_set_size */
    case 2284:			/* default_pager_paging_storage_new */
      return 0;
    case 41001:			/* acpi_get_pci_irq */
      answer[0] = (struct field) { standin_last_message[2] + 11, 0, 2 };
      *n_fields = 1;
      return 0;
    case 666:			/* a server that dies over the request */
      return MIG_SERVER_DIED;
    }
  return MIG_BAD_ID;
}

/* startup.defs */

static struct port *registered[16];
static int32_t rebooted = -1;

int
startup_essential_task (uint32_t server, uint32_t task, uint32_t excpt, const char *name,
			uint32_t credential)
{
  (void) excpt, (void) name;
  ENTER (startup_essential_task);
  struct task *object;
  int error = target (server, STARTUP, 0);
  if (error)
    return error;
  if (port_of (credential) != host_priv_port)
    return H_EPERM;
  if ((error = target (task, TASK, &object)))
    return H_EINVAL;
  object->essential = 1;
  return 0;
}

int
startup_request_notification (uint32_t server, uint32_t port, uint32_t disposition,
			      const char *name)
{
  (void) name;
  ENTER (startup_request_notification);
  int error = target (server, STARTUP, 0), i = 0;
  while (!error && i < 15 && registered[i])
    i++;
  return error ? error : port_take (port, disposition, &registered[i]);
}

int
startup_reboot (uint32_t server, uint32_t refport, int32_t code)
{
  ENTER (startup_reboot);
  int error = target (server, STARTUP, 0);
  if (error)
    return error;
  if (port_of (refport) != host_priv_port)
    return H_EPERM;
  rebooted = code;
  return 0;
}

int
standin_rebooted (void)
{
  return rebooted;
}

/* Sends startup_dosync to whoever asked; how many were told. */
int
standin_notify_shutdown (struct port *reply)
{
  int told = 0;
  pthread_mutex_lock (&standin_lock);
  for (int i = 0; i < 16; i++)
    if (registered[i])
      {
	told += !queue_words (registered[i], 29500, reply, 0, 0);
	port_drop (registered[i]);
	registered[i] = 0;
      }
  pthread_mutex_unlock (&standin_lock);
  return told;
}

static void
service (const char *name, enum kind kind)
{
  path (name, 0100644)->service = kind;
}

/* A file system that is there from the start. */
static struct translator *
mounted (const char *options, size_t size)
{
  struct translator *t = calloc (1, sizeof *t);
  t->control = port_new (CONTROL, t);
  port_hold (t->control);
  memcpy (t->options, options, size);
  t->options_size = size;
  return t;
}

__attribute__ ((constructor (200))) static void
start (void)
{
  static const char options[] = "/hurd/ext2fs\0--writable\0device:hd0s1";
  standin_processes_start ();
  root_fs = mounted (options, sizeof options);
  root = node_new (0, "", 0040755);
  root->fs = root_fs;
  root_fs->root = root;
  path ("/tmp", 0040777);
  path ("/mnt", 0040755);
  path ("/etc/motd", 0100644);
  path ("/root/secret", 0100600);
  path ("/dev/console", 0020600);
  path ("/dev/null", 0020666);
  path ("/dev/hd0s1", 0060640);
  path ("/dev/zero", 0020666);
  program ("/hurd/hello", "hello");
  program ("/hurd/null", "null");
  program ("/hurd/tmpfs", "tmpfs");
  program ("/hurd/symlink", "null");
  program ("/hurd/fifo", "null");
  program ("/hurd/exits", "exits");	/* is no translator */
  program ("/hurd/silent", "silent");	/* never says anything */
  program ("/hurd/brief", "brief");	/* ends as soon as it is started */
  program ("/hurd/babbles", "babbles");	/* says something else first */
  program ("/bin/true", "exits");
  program ("/bin/sleep", "silent");
  service ("/servers/startup", STARTUP);
  service ("/servers/password", SERVICE);
  service ("/servers/shutdown", SERVICE);
  service ("/servers/acpi", SERVICE);
  service ("/servers/default-pager", SERVICE);
}
