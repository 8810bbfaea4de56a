/* Tasks and processes: the proc and auth servers, running programs, and what concerns the host. */

#include "world.h"
#include <errno.h>
#include <signal.h>

struct task *tasks;
struct ids *self_ids;
struct port *auth_port, *proc_port;
static struct task *self;

/* Far beyond the pids of any system that tests run on, so that nobody signals a stranger. */
static int32_t next_pid = 10000001;

static struct task *
task_new (uint32_t owner)
{
  struct task *made = calloc (1, sizeof *made);
  made->pid = made->pgrp = made->session = next_pid++;
  made->alive = 1;
  made->owned = 1;
  made->owner = owner;
  made->port = port_new (TASK, made);
  made->proc = port_new (PROC, made);
  made->msgport = port_new (MSGPORT, made);
  struct port *kept[] = { made->port, made->proc, made->msgport };
  for (int i = 0; i < 3; i++)
    port_hold (kept[i]);
  made->next = tasks;
  tasks = made;
  return made;
}

void
task_end (struct task *task, int status)
{
  if (!task->alive)
    return;
  task->alive = 0;
  task->status = status;
  if (task->translator)
    translator_end (task->translator);
  if (task->bootstrap)
    port_drop (task->bootstrap);
  task->bootstrap = 0;
  port_die (task->port);
  port_die (task->proc);
  port_die (task->msgport);
  struct task **at = &tasks;
  while (*at && *at != task)
    at = &(*at)->next;
  if (*at)
    *at = task->next;
  pthread_cond_broadcast (&standin_changed);
}

struct task *
task_of_pid (int32_t pid)
{
  for (struct task *t = tasks; t; t = t->next)
    if (t->pid == pid)
      return t;
  return 0;
}

int
standin_tasks (void)
{
  pthread_mutex_lock (&standin_lock);
  int count = 0;
  for (struct task *t = tasks; t; t = t->next)
    count++;
  pthread_mutex_unlock (&standin_lock);
  return count;
}

static int
is_root (void)
{
  for (uint32_t i = 0; i < self_ids->n[0]; i++)
    if (!self_ids->euids[i])
      return 1;
  return 0;
}

static int
mine (struct task *task)
{
  return is_root () || (task->owned && self_ids->n[0] && task->owner == self_ids->euids[0]);
}

#define THE(kind, name, object) \
  int error = target (name, kind, &object); \
  if (error) return error

/* Tasks, as the kernel has them. */

int
task_create (uint32_t parent, int32_t inherit, uint32_t *child)
{
  ENTER (task_create);
  struct task *task;
  THE (TASK, parent, task);
  *child = port_give_new (task_new (self_ids->n[0] ? self_ids->euids[0] : 0)->port);
  return 0;
}

int
task_terminate (uint32_t name)
{
  ENTER (task_terminate);
  struct task *task;
  THE (TASK, name, task);
  task_end (task, SIGKILL);
  return 0;
}

int
task_suspend (uint32_t name)
{
  ENTER (task_suspend);
  struct task *task;
  THE (TASK, name, task);
  task->suspended++;
  return 0;
}

int
task_resume (uint32_t name)
{
  ENTER (task_resume);
  struct task *task;
  THE (TASK, name, task);
  if (!task->suspended)
    return 5;
  task->suspended--;
  return 0;
}

int
task_priority (uint32_t name, int32_t priority, int32_t threads)
{
  ENTER (task_priority);
  struct task *task;
  THE (TASK, name, task);
  return priority < 0 || priority > 63 ? KERN_INVALID_ARGUMENT : 0;
}

int
task_info (uint32_t name, int32_t flavor, int32_t *info, uint32_t *count)
{
  ENTER (task_info);
  struct task *task;
  THE (TASK, name, task);
  task_basic_info_t basic = {
    .suspend_count = task->suspended, .base_priority = 25, .virtual_size = 153600000,
    .resident_size = 1 << 20, .user_time = { 1, 2 }, .system_time = { 3, 4 },
    .creation_time = { 5, 6 }, .user_time64 = { 7, 8 }, .system_time64 = { 9, 10 },
    .creation_time64 = { 1LL << 40, 12 }
  };
  task_events_info_t events = { 1, 2, 3, 4, 5, 6, 7 };
  size_t size = flavor == 1 ? sizeof basic : sizeof events;
  if ((flavor != 1 && flavor != 2) || *count * 4 < size - (flavor == 1 ? 48 : 0))
    return KERN_INVALID_ARGUMENT;
  if (flavor == 1 && *count * 4 != size)	/* the kernel's rule for the newer fields */
    memset (&basic.user_time64, 0x5a, 48);
  if (*count * 4 < size)
    size -= 48;
  memcpy (info, flavor == 1 ? (void *) &basic : &events, size);
  *count = size / 4;
  return 0;
}

int
task_set_name (uint32_t name, const char *text)
{
  ENTER (task_set_name);
  struct task *task;
  THE (TASK, name, task);
  memcpy (task->name, text, sizeof task->name);
  return 0;
}

int
task_set_essential (uint32_t name, int32_t essential)
{
  ENTER (task_set_essential);
  struct task *task;
  THE (TASK, name, task);
  task->essential = essential;
  return 0;
}

/* Running programs. */

static int
run (uint32_t file, uint32_t name, const char *argv, uint32_t argv_size, const uint32_t *ports,
     uint32_t disposition, uint32_t n_ports)
{
  struct open *o;
  struct task *task;
  THE (NODE, file, o);
  if ((error = target (name, TASK, &task)))
    return error;
  if (!(o->flags & O_EXEC_))
    return H_EBADF;
  if (!o->node->program)
    return H_ENOEXEC;
  for (uint32_t i = 0; i < n_ports; i++)
    {
      struct port *port;
      if ((error = port_take (ports[i], disposition, &port)))
	return error;
      if (i == 5)
	task->bootstrap = port;
      else
	port_drop (port);
    }
  task->argv_size = argv_size < sizeof task->argv ? argv_size : sizeof task->argv;
  memcpy (task->argv, argv, task->argv_size);
  task_run (task, o->node->program);
  return 0;
}

#define VECTORS \
  const char *argv, uint32_t argv_size, const char *envp, uint32_t envp_size, \
  const uint32_t *fds, uint32_t fds_disposition, uint32_t n_fds, \
  const uint32_t *ports, uint32_t disposition, uint32_t n_ports, \
  const int32_t *ints, uint32_t n_ints, const uint32_t *dealloc, uint32_t n_dealloc, \
  const uint32_t *destroy, uint32_t n_destroy
#define UNUSED() \
  (void) flags, (void) envp, (void) envp_size, (void) fds, (void) fds_disposition, (void) n_fds, \
  (void) ints, (void) n_ints, (void) dealloc, (void) n_dealloc, (void) destroy, (void) n_destroy

int
file_exec (uint32_t file, uint32_t task, int32_t flags, VECTORS)
{
  UNUSED ();
  ENTER (file_exec);
  return run (file, task, argv, argv_size, ports, disposition, n_ports);
}

int
file_exec_paths (uint32_t file, uint32_t task, int32_t flags, const char *path,
		 const char *abspath, VECTORS)
{
  UNUSED ();
  ENTER (file_exec_paths);
  return run (file, task, argv, argv_size, ports, disposition, n_ports);
}

/* process.defs */

#define PROCESS(name) \
  struct task *self_task; \
  THE (PROC, name, self_task)

ROUTINE (proc_getprivports, (uint32_t process, uint32_t *host, uint32_t *device),
	  PROCESS (process),
  if (!is_root ())
    return H_EPERM;
  *host = port_give_new (host_priv_port);
  *device = port_give_new (device_master_port);)

int
get_privileged_ports (uint32_t *host, uint32_t *device)
{
  ENTER (get_privileged_ports);
  if (!is_root ())
    return H_EPERM;
  *host = port_give_new (host_priv_port);
  *device = port_give_new (device_master_port);
  return 0;
}

ROUTINE (proc_getallpids, (uint32_t process, int32_t **pids, uint32_t *count), PROCESS (process),
  static int32_t all[65536];
  int n = 0;
  for (struct task *t = tasks; t; t = t->next)
    all[n++] = t->pid;
  ARRAY (pids, count, all, n);)

int
proc_child (uint32_t process, uint32_t child)
{
  ENTER (proc_child);
  PROCESS (process);
  struct task *task;
  if ((error = target (child, TASK, &task)))
    return error;
  if (task->ppid)
    return H_EBUSY;
  task->ppid = self_task->pid;
  task->pgrp = self_task->pgrp;
  task->session = self_task->session;
  return 0;
}

ROUTINE (proc_setowner, (uint32_t process, uint32_t owner, int32_t clear), PROCESS (process),
  self_task->owned = !clear;
  if (!clear)
    self_task->owner = owner;)

ROUTINE (proc_getpids, (uint32_t process, int32_t *pid, int32_t *ppid, int32_t *orphaned),
	  PROCESS (process),
  *pid = self_task->pid;
  *ppid = self_task->ppid;
  *orphaned = !task_of_pid (self_task->ppid);)

#define OF_TASK(name) \
  struct task *task; \
  if (target (name, TASK, &task)) return H_ESRCH
#define OF_PID(pid) \
  struct task *task = task_of_pid (pid); \
  if (!task) return H_ESRCH

ROUTINE (proc_pid2task, (uint32_t process, int32_t pid, uint32_t *name), PROCESS (process),
  OF_PID (pid);
  if (!mine (task))
    return H_EPERM;
  *name = port_give_new (task->port);)

ROUTINE (proc_pid2proc, (uint32_t process, int32_t pid, uint32_t *proc), PROCESS (process),
  OF_PID (pid);
  if (!mine (task))
    return H_EPERM;
  *proc = port_give_new (task->proc);)

ROUTINE (proc_task2pid, (uint32_t process, uint32_t name, int32_t *pid), PROCESS (process),
  OF_TASK (name);
  *pid = task->pid;)

ROUTINE (proc_task2proc, (uint32_t process, uint32_t name, uint32_t *proc), PROCESS (process),
  OF_TASK (name);
  *proc = port_give_new (task->proc);)

ROUTINE (proc_proc2task, (uint32_t process, uint32_t *name), PROCESS (process),
  *name = port_give_new (self_task->port);)

ROUTINE (proc_getmsgport, (uint32_t process, int32_t pid, uint32_t *port), PROCESS (process),
  OF_PID (pid);
  *port = port_give_new (task->msgport);)

ROUTINE (proc_mark_important, (uint32_t process), PROCESS (process),
  if (!is_root ())
    return H_EPERM;
  self_task->important = 1;)

ROUTINE (proc_is_important, (uint32_t process, int32_t *important), PROCESS (process),
  *important = self_task->important;)

ROUTINE (proc_getprocargs, (uint32_t process, int32_t pid, char **args, uint32_t *count),
	  PROCESS (process),
  OF_PID (pid);
  ARRAY (args, count, task->argv, task->argv_size);)

int
proc_getprocinfo (uint32_t process, int32_t pid, int32_t *flags, int32_t **info, uint32_t *count,
		  char **waits, uint32_t *waits_count)
{
  ENTER (proc_getprocinfo);
  PROCESS (process);
  OF_PID (pid);
  struct { procinfo_header_t head; procinfo_thread_t thread; } made = {
    .head = {
      .state = 2 | (task->owned ? 0 : 0x40), .owner = task->owner, .ppid = task->ppid,
      .pgrp = task->pgrp, .session = task->session, .logincollection = 1, .nthreads = 1,
      .taskinfo = { .suspend_count = task->suspended, .virtual_size = 1 << 24 },
      .taskevents = { .faults = 3 }
    },
    .thread = { .basic = { .cpu_usage = 5, .run_state = 3 }, .sched = { .max_priority = 25 } }
  };
  size_t size = *flags & 2 ? sizeof made : sizeof made.head;
  *flags &= 0x3f;
  ARRAY (info, count, (int32_t *) &made, size / 4);
  static const char wait[] = "select";
  ARRAY (waits, waits_count, wait, *flags & 0x10 ? sizeof wait : 0);
  return 0;
}

ROUTINE (proc_setsid, (uint32_t process), PROCESS (process),
  if (self_task->session == self_task->pid)
    return H_EPERM;
  self_task->session = self_task->pgrp = self_task->pid;)

ROUTINE (proc_getsid, (uint32_t process, int32_t pid, int32_t *sid), PROCESS (process),
  OF_PID (pid);
  *sid = task->session;)

ROUTINE (proc_setpgrp, (uint32_t process, int32_t pid, int32_t pgrp), PROCESS (process),
  OF_PID (pid ? pid : self_task->pid);
  task->pgrp = pgrp ? pgrp : task->pid;)

ROUTINE (proc_getpgrp, (uint32_t process, int32_t pid, int32_t *pgrp), PROCESS (process),
  OF_PID (pid);
  *pgrp = task->pgrp;)

/* Who one is: what waits at a rendezvous is given over to the ids of who comes. */

static struct meeting { struct port *rendezvous; struct task *task; struct port *given; } meetings[16];

static int
arrange (uint32_t name, uint32_t disposition, struct task *task)
{
  struct port *port;
  int error = port_take (name, disposition, &port);
  if (error)
    return error;
  for (int i = 0; i < 16; i++)
    if (!meetings[i].rendezvous)
      {
	meetings[i] = (struct meeting) { port, task, 0 };
	return 0;
      }
  return 6;
}

int
proc_reauthenticate (uint32_t process, uint32_t rendezvous, uint32_t disposition)
{
  ENTER (proc_reauthenticate);
  PROCESS (process);
  return arrange (rendezvous, disposition, self_task);
}

int
proc_reauthenticate_complete (uint32_t process)
{
  ENTER (proc_reauthenticate_complete);
  PROCESS (process);
  return 0;
}

int
auth_user_authenticate (uint32_t handle, uint32_t rendezvous, uint32_t disposition, uint32_t *made)
{
  ENTER (auth_user_authenticate);
  struct ids *ids;
  struct port *port;
  THE (AUTH, handle, ids);
  if ((error = port_take (rendezvous, disposition, &port)))
    return error;
  for (int i = 0; port && i < 16; i++)
    if (meetings[i].rendezvous == port)
      {
	struct task *task = meetings[i].task;
	port_drop (meetings[i].rendezvous);
	meetings[i].rendezvous = 0;
	port_drop (port);
	task->owned = ids->n[0] > 0;
	task->owner = ids->euids[0];
	*made = port_give_new (task->proc);
	return 0;
      }
  port_drop (port);
  return KERN_INVALID_ARGUMENT;
}

#define GIVE_IDS(i, name, ids) ARRAY (name, name##_count, (ids)->name, (ids)->n[i])

int
auth_getids (uint32_t handle, uint32_t **euids, uint32_t *euids_count, uint32_t **auids,
	     uint32_t *auids_count, uint32_t **egids, uint32_t *egids_count, uint32_t **agids,
	     uint32_t *agids_count)
{
  ENTER (auth_getids);
  struct ids *ids;
  THE (AUTH, handle, ids);
  GIVE_IDS (0, euids, ids);
  GIVE_IDS (1, auids, ids);
  GIVE_IDS (2, egids, ids);
  GIVE_IDS (3, agids, ids);
  return 0;
}

static struct port *
auth_new (const struct ids *ids)
{
  struct ids *made = malloc (sizeof *made);
  *made = *ids;
  return port_new (AUTH, made);
}

int
auth_makeauth (uint32_t handle, const uint32_t *others, uint32_t disposition, uint32_t n_others,
	       const uint32_t *euids, uint32_t n_euids, const uint32_t *auids, uint32_t n_auids,
	       const uint32_t *egids, uint32_t n_egids, const uint32_t *agids, uint32_t n_agids,
	       uint32_t *made)
{
  ENTER (auth_makeauth);
  struct ids *ids, new = { .n = { n_euids, n_auids, n_egids, n_agids } };
  struct port *taken;
  THE (AUTH, handle, ids);
  for (uint32_t i = 0; i < n_others; i++)
    {
      if ((error = port_take (others[i], disposition, &taken)))
	return error;
      port_drop (taken);
    }
  if (n_euids > 8 || n_auids > 8 || n_egids > 8 || n_agids > 8)
    return KERN_INVALID_ARGUMENT;
  int allowed = 0;
  for (uint32_t i = 0; i < ids->n[0]; i++)
    allowed |= !ids->euids[i];
  for (uint32_t i = 0; i < n_euids && !allowed; i++)
    if (!ids->n[0] || euids[i] != ids->euids[0])
      return H_EPERM;
  memcpy (new.euids, euids, 4 * n_euids);
  memcpy (new.auids, auids, 4 * n_auids);
  memcpy (new.egids, egids, 4 * n_egids);
  memcpy (new.agids, agids, 4 * n_agids);
  *made = port_give_new (auth_new (&new));
  return 0;
}

int
password_check_user (uint32_t server, uint32_t user, const char *password, uint32_t *auth)
{
  ENTER (password_check_user);
  int error = target (server, SERVICE, 0);
  if (error)
    return error;
  if (strcmp (password, "sesame"))
    return H_EACCES;
  struct ids ids = { .auids = { user }, .n = { 0, 1, 0, 0 } };
  *auth = port_give_new (auth_new (&ids));
  return 0;
}

/* Acts as that user from now on, for the tests. */
void
standin_become (uint32_t user)
{
  pthread_mutex_lock (&standin_lock);
  self_ids->euids[0] = self_ids->auids[0] = user;
  self_ids->egids[0] = self_ids->agids[0] = user;
  pthread_mutex_unlock (&standin_lock);
}

/* Signals. */

static int
signal_task (struct task *task, int sig)
{
  if (sig == SIGKILL || sig == SIGTERM)
    task_end (task, sig);
  return 0;
}

int
msg_sig_post (uint32_t process, int32_t sig, uint32_t code, uint32_t refport)
{
  ENTER (msg_sig_post);
  struct task *task;
  THE (MSGPORT, process, task);
  if (port_of (refport) != task->port)
    return H_EPERM;
  return signal_task (task, sig);
}

int
hurd_sig_post (int32_t pid, int sig, uint32_t refport)
{
  ENTER (hurd_sig_post);
  OF_PID (pid);
  if (port_of (refport) != task->port)
    return H_EPERM;
  return signal_task (task, sig);
}

static int32_t
wrong (int error)
{
  errno = error;
  return -1;
}

int32_t
task2pid (uint32_t name)
{
  pthread_mutex_lock (&standin_lock);
  struct task *task;
  int error = target (name, TASK, &task);
  pthread_mutex_unlock (&standin_lock);
  return error ? wrong (H_ESRCH) : task->pid;
}

uint32_t
pid2task (int32_t pid)
{
  pthread_mutex_lock (&standin_lock);
  struct task *task = task_of_pid (pid);
  uint32_t name = task ? port_give_new (task->port) : 0;
  pthread_mutex_unlock (&standin_lock);
  if (!name)
    errno = H_ESRCH;
  return name;
}

/* The init ports. */

uint32_t
getauth (void)
{
  return port_give_locked (auth_port);
}

uint32_t
getproc (void)
{
  return port_give_locked (proc_port);
}

uint32_t
getcttyid (void)
{
  return NULL_PORT;
}

static int
set_port (uint32_t name, enum kind kind)
{
  pthread_mutex_lock (&standin_lock);
  int error = target (name, kind, 0);
  pthread_mutex_unlock (&standin_lock);
  return error ? wrong (HURD (102)) : 0;
}

int setauth (uint32_t name) { return set_port (name, AUTH); }
int setproc (uint32_t name) { return set_port (name, PROC); }
int setcrdir (uint32_t name) { return set_port (name, NODE); }
int setcwdir (uint32_t name) { return set_port (name, NODE); }
int setcttyid (uint32_t name) { return name ? set_port (name, ANY) : 0; }

static int cancelled;

int
hurd_thread_cancel (uint32_t thread)
{
  ENTER (hurd_thread_cancel);
  int error = target (thread, THREAD, 0);
  if (!error)
    cancelled = 1;
  return error;
}

int
hurd_check_cancel (void)
{
  int was = cancelled;
  cancelled = 0;
  return was;
}

void
standin_processes_start (void)
{
  self_ids = calloc (1, sizeof *self_ids);
  self_ids->n[0] = self_ids->n[1] = self_ids->n[2] = self_ids->n[3] = 1;
  auth_port = port_new (AUTH, self_ids);
  port_hold (auth_port);
  self = calloc (1, sizeof *self);
  self->pid = self->pgrp = self->session = next_pid++;
  self->ppid = 1;
  self->alive = self->owned = 1;
  self->port = this_task;
  self->proc = proc_port = port_new (PROC, self);
  self->msgport = port_new (MSGPORT, self);
  self->argv_size = sizeof "test\0--of=drover";
  memcpy (self->argv, "test\0--of=drover", self->argv_size);
  this_task->object = self;
  port_hold (proc_port);
  port_hold (self->msgport);
  tasks = self;
}
