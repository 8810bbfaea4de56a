/* Translators and the programs that are run as such: tasks.c starts them, threads of the test's
   process play them.  What a program does is written in its node (world.c). */

#include "world.h"

int standin_opens (struct translator *fs, int flags);

struct translator *
translator_new (struct node *under, const char *program, const char *argv, size_t argv_size)
{
  struct translator *made = calloc (1, sizeof *made);
  made->control = port_new (CONTROL, made);
  made->quiet = strcmp (program, "tmpfs");
  if (strcmp (program, "null"))
    {
      memcpy (made->options, argv, argv_size);
      made->options_size = argv_size;
    }
  int directory = !strcmp (program, "tmpfs");
  made->root = node_new (0, "", directory ? 0040755 : 0100644);
  made->root->fs = made;
  if (under)
    made->root->parent = under->parent;
  if (!strcmp (program, "hello"))
    {
      const char *text = "Hello, world!\n";
      for (size_t at = 0; at < argv_size; at += strlen (argv + at) + 1)
	if (!strncmp (argv + at, "--contents=", 11))
	  text = argv + at + 11;
      made->root->size = strlen (text);
      made->root->data = strdup (text);
    }
  return made;
}

void
translator_end (struct translator *t)
{
  port_die (t->control);
  if (t->underlying)
    port_drop (t->underlying);
  t->underlying = 0;
  if (t->task && t->task->alive)
    task_end (t->task, 0);
}

int
translator_goaway (struct translator *t, int flags)
{
  if (t == root_fs || (!(flags & 4) && standin_opens (t, 0)))
    return H_EBUSY;
  if (t->quiet)
    {
      translator_end (t);
      return MIG_SERVER_DIED;
    }
  translator_end (t);
  return 0;
}

#define FS(name) \
  struct translator *t; \
  int error = target (name, CONTROL, &t); \
  if (error) return error

int
fsys_goaway (uint32_t fsys, int32_t flags)
{
  ENTER (fsys_goaway);
  FS (fsys);
  return translator_goaway (t, flags);
}

int
fsys_getroot (uint32_t fsys, uint32_t dotdot, uint32_t disposition, const uint32_t *uids,
	      uint32_t n_uids, const uint32_t *gids, uint32_t n_gids, int32_t flags, int32_t *retry,
	      char *retry_name, uint32_t *file)
{
  ENTER (fsys_getroot);
  struct port *parent;
  int failed = port_take (dotdot, disposition, &parent);
  if (failed)
    return failed;
  port_drop (parent);
  FS (fsys);
  *retry = 1;
  memset (retry_name, 0, 1024);
  *file = port_give_new (open_node (t->root, flags));
  return 0;
}

ROUTINE (fsys_syncfs, (uint32_t fsys, int32_t wait, int32_t children), FS (fsys))

int
fsys_set_options (uint32_t fsys, const char *options, uint32_t size, int32_t children)
{
  ENTER (fsys_set_options);
  FS (fsys);
  if (!t->options_size)
    return H_EOPNOTSUPP;
  int readonly = t->readonly;
  for (uint32_t at = 0; at < size; at += strnlen (options + at, size - at) + 1)
    if (!strcmp (options + at, "--readonly") || !strcmp (options + at, "-r"))
      readonly = 1;
    else if (!strcmp (options + at, "--writable") || !strcmp (options + at, "-w"))
      readonly = 0;
    else if (strcmp (options + at, "--update") && strncmp (options + at, "--size=", 7))
      return H_EINVAL;
  if (readonly && !t->readonly && standin_opens (t, 2))
    return H_EBUSY;
  if (readonly != t->readonly)
    {
      /* Says so in what it answers: the word goes after the program. */
      char now[4096];
      size_t used = strlen (t->options) + 1;
      memcpy (now, t->options, used);
      used += sprintf (now + used, "%s", readonly ? "--readonly" : "--writable") + 1;
      for (size_t at = strlen (t->options) + 1; at < t->options_size;
	   at += strlen (t->options + at) + 1)
	if (strcmp (t->options + at, "--readonly") && strcmp (t->options + at, "--writable"))
	  used += sprintf (now + used, "%s", t->options + at) + 1;
      memcpy (t->options, now, used);
      t->options_size = used;
      t->readonly = readonly;
    }
  return 0;
}

ROUTINE (fsys_get_options, (uint32_t fsys, char **data, uint32_t *count), FS (fsys),
  if (!t->options_size)
    return H_EOPNOTSUPP;
  ARRAY (data, count, t->options, t->options_size);)

static void
collect (struct node *node, const char *prefix, char *names, size_t *used, uint32_t *ports, int *n)
{
  for (struct node *c = node->children; c; c = c->next)
    {
      char name[2048];
      struct port *control;
      snprintf (name, sizeof name, "%s%s%s", prefix, *prefix ? "/" : "", c->name);
      if (!node_control (c, &control))
	{
	  strcpy (names + *used, name);
	  *used += strlen (name) + 1;
	  ports[(*n)++] = port_give_new (control);
	}
      collect (c, name, names, used, ports, n);
    }
}

int
fsys_get_children (uint32_t fsys, char **names, uint32_t *names_count, uint32_t **controls,
		   uint32_t *controls_count)
{
  ENTER (fsys_get_children);
  FS (fsys);
  static char all[1 << 16];
  static uint32_t ports[1024];
  size_t used = 0;
  int n = 0;
  collect (t->root, "", all, &used, ports, &n);
  ARRAY (names, names_count, all, used);
  ARRAY (controls, controls_count, ports, n);
  return 0;
}

int
fsys_get_source (uint32_t fsys, char *source)
{
  ENTER (fsys_get_source);
  FS (fsys);
  memset (source, 0, 1024);
  const char *last = "none";
  for (size_t at = 0; at < t->options_size; at += strlen (t->options + at) + 1)
    if (at && t->options[at] != '-')
      last = t->options + at;
  strcpy (source, last);
  return 0;
}

ROUTINE (fsys_getpriv, (uint32_t fsys, uint32_t *host, uint32_t *device, uint32_t *task),
	  FS (fsys),
  *host = port_give_new (host_priv_port);
  *device = port_give_new (device_master_port);
  *task = port_give_new (this_task);)

/* A program that is a translator: sends fsys_startup, waits for the answer, lives until its end. */

struct run
{
  struct task *task;
  char program[64];
};

static struct message *
wait_for (struct port *queue, struct task *task)
{
  while (!queue->first && task->alive)
    pthread_cond_wait (&standin_changed, &standin_lock);
  struct message *m = queue->first;
  if (m)
    {
      queue->first = m->next;
      if (!queue->first)
	queue->last = &queue->first;
    }
  return m;
}

static void
handshake (struct task *task, const char *program)
{
  struct translator *t = translator_new (0, program, task->argv, task->argv_size);
  struct port *reply = port_new (QUEUE, 0);
  /* "reads" asks for its node as a file system does for its device. */
  struct field fields[] = { { strcmp (program, "tmpfs") ? 0 : 1, 0, 2 }, { 0, t->control, 17 } };
  t->task = task;
  port_hold (t->control);
  struct port *bootstrap = task->bootstrap;
  task->translator = t;
  int error = queue_words (bootstrap, 22000, reply, fields, 2);
  struct message *m = error ? 0 : wait_for (reply, task);
  uint64_t code = 1;
  if (m && m->id == 22100 && word_of (m, 0, &code) && code == 0)
    t->underlying = right_of (m, 0);
  if (m)
    message_free (m);
  port_die (reply);
  if (code && task->alive)
    translator_end (t);
  else if (!strcmp (program, "brief"))
    translator_end (t);
}

static void *
live (void *argument)
{
  struct run *run = argument;
  struct task *task = run->task;
  pthread_mutex_lock (&standin_lock);
  if (!strcmp (run->program, "exits"))
    task_end (task, 0);
  else if (!strcmp (run->program, "babbles"))	/* something else before what is expected */
    {
      struct port *reply = port_new (QUEUE, 0);
      queue_words (task->bootstrap, 22001, reply, &(struct field) { 0, 0, 2 }, 1);
      struct message *m = wait_for (reply, task);
      uint64_t code = 0;
      if (m && word_of (m, 0, &code) && (int32_t) code == MIG_BAD_ID && task->alive)
	handshake (task, "null");
      else if (task->alive)
	task_end (task, 1);
      if (m)
	message_free (m);
    }
  else if (strcmp (run->program, "silent") && task->alive)
    handshake (task, run->program);
  if (task->bootstrap && strcmp (run->program, "silent"))
    {
      port_drop (task->bootstrap);
      task->bootstrap = 0;
    }
  pthread_mutex_unlock (&standin_lock);
  free (run);
  return 0;
}

void
task_run (struct task *task, const char *program)
{
  struct run *run = calloc (1, sizeof *run);
  pthread_t thread;
  run->task = task;
  snprintf (run->program, sizeof run->program, "%s", program);
  pthread_create (&thread, 0, live, run);
  pthread_detach (thread);
}
