/* Ports, rights and messages of one task, in its own memory. */

#define _GNU_SOURCE
#include "standin.h"
#include <errno.h>
#include <sys/mman.h>
#include <time.h>

pthread_mutex_t standin_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t standin_changed = PTHREAD_COND_INITIALIZER;
struct port *this_task, *host_port, *host_priv_port, *device_master_port;

/* The name table. */

#define NAMES 65536
static struct entry
{
  struct port *port;
  unsigned send, dead;
  int receive, set, once;
  struct port *dead_request;	/* who is told when it becomes a dead name */
} names[NAMES];

static uint32_t
name_at (int index)
{
  return index << 2 | 3;
}

static struct entry *
entry_of (uint32_t name)
{
  if ((name & 3) != 3 || name >> 2 >= NAMES || name >> 2 == 0)
    return 0;
  struct entry *e = &names[name >> 2];
  return e->port || e->dead ? e : 0;
}

static uint32_t
new_name (struct port *port)
{
  for (int i = 1; i < NAMES; i++)
    if (!names[i].port && !names[i].dead)
      {
	names[i] = (struct entry) { .port = port };
	return name_at (i);
      }
  fprintf (stderr, "standin: no names left\n");
  abort ();
}

static void notify (struct port *to, int id, int type, uint64_t value);

static void
entry_check (struct entry *e)	/* frees the name when nothing is left under it */
{
  if (!e->send && !e->receive && !e->set && !e->once && !e->dead)
    {
      if (e->port && e->port->name == name_at (e - names))
	e->port->name = 0;
      struct port *request = e->dead_request;
      *e = (struct entry) { 0 };
      if (request)
	notify (request, 65, 15, name_at (e - names));	/* port deleted */
    }
}

struct port *
port_new (enum kind kind, void *object)
{
  struct port *port = calloc (1, sizeof *port);
  port->kind = kind;
  port->object = object;
  port->alive = 1;
  port->last = &port->first;
  return port;
}

void
port_hold (struct port *port)
{
  if (port)
    port->senders++;
}

void
port_drop (struct port *port)
{
  if (!port || --port->senders || !port->alive)
    return;
  if (port->no_senders)
    {
      struct port *to = port->no_senders;
      port->no_senders = 0;
      notify (to, 70, 2, port->made);
    }
  if (port->forgotten)
    port->forgotten (port);
}

void
port_die (struct port *port)
{
  if (!port || !port->alive)
    return;
  port->alive = 0;
  struct message *m;
  while ((m = port->first))
    {
      port->first = m->next;
      message_free (m);
    }
  port->last = &port->first;
  for (int i = 1; i < NAMES; i++)
    {
      struct entry *e = &names[i];
      if (e->port != port || !(e->send || e->once))
	continue;
      e->dead = e->send + e->once;
      e->send = e->once = e->receive = 0;
      e->port = 0;
      if (e->dead_request)
	{
	  struct port *to = e->dead_request;
	  e->dead_request = 0;
	  e->dead++;
	  notify (to, 72, 15, name_at (i));
	}
    }
  port->name = 0;
  pthread_cond_broadcast (&standin_changed);
}

uint32_t
port_give (struct port *port)
{
  if (!port)
    return NULL_PORT;
  if (!port->alive)
    {
      port->senders--;
      return DEAD_PORT;
    }
  if (!port->name)
    port->name = new_name (port);
  if (names[port->name >> 2].send++)
    port->senders--;		/* the task has one for all its references */
  return port->name;
}

uint32_t
port_give_new (struct port *port)
{
  port_hold (port);
  return port_give (port);
}

static uint32_t
give_once (struct port *port)
{
  if (!port->alive)
    return DEAD_PORT;
  uint32_t name = new_name (port);
  names[name >> 2].once = 1;
  return name;
}

int
port_take (uint32_t name, uint32_t disposition, struct port **port)
{
  *port = 0;
  if (name == NULL_PORT || name == DEAD_PORT)
    return disposition < MOVE_RECEIVE || disposition > MAKE_SEND_ONCE ? MIG_BAD_ARGUMENTS : 0;
  struct entry *e = entry_of (name);
  if (!e)
    return SEND_INVALID_RIGHT;
  struct port *p = e->port;
  switch (disposition)
    {
    case COPY_SEND:
      if (e->dead)
	return 0;
      if (!e->send)
	return SEND_INVALID_RIGHT;
      port_hold (p);
      break;
    case MOVE_SEND:
      if (e->dead)
	{
	  e->dead--;
	  entry_check (e);
	  return 0;
	}
      if (!e->send)
	return SEND_INVALID_RIGHT;
      if (--e->send)
	port_hold (p);
      entry_check (e);
      break;
    case MAKE_SEND:
      if (!e->receive)
	return SEND_INVALID_RIGHT;
      p->made++;
      port_hold (p);
      break;
    case MOVE_SEND_ONCE:
      if (!e->once)
	return SEND_INVALID_RIGHT;
      e->once = 0;
      entry_check (e);
      break;
    case MAKE_SEND_ONCE:
      if (!e->receive)
	return SEND_INVALID_RIGHT;
      break;
    case MOVE_RECEIVE:
      if (!e->receive)
	return SEND_INVALID_RIGHT;
      e->receive = 0;
      entry_check (e);
      break;
    default:
      return MIG_BAD_ARGUMENTS;
    }
  *port = p;
  return 0;
}

struct port *
port_of (uint32_t name)
{
  struct entry *e = entry_of (name);
  return e && e->send ? e->port : 0;
}

int
target (uint32_t name, enum kind kind, void *object)
{
  struct entry *e = entry_of (name);
  if (!e || (e->dead && !e->port))
    return SEND_INVALID_DEST;
  if (!e->send && !e->once)
    return SEND_INVALID_DEST;
  if (kind != ANY && e->port->kind != kind)
    return MIG_BAD_ID;
  if (object)
    *(void **) object = e->port->object;
  return 0;
}

/* Messages. */

#if __SIZEOF_POINTER__ == 8
enum { WORD = 8, HEADER = 32 };
struct descriptor { uint32_t name : 8, bits : 16, : 5, in_line : 1, longform : 1, : 1, count; };
#else
enum { WORD = 4, HEADER = 24 };
struct descriptor { uint32_t name : 8, bits : 8, count : 12, in_line : 1, longform : 1, : 2; };
#endif

struct header
{
  uint32_t bits, size;
  uintptr_t remote, local;
  uint32_t sequence;
  int32_t id;
};

/* Reads the descriptor at *at and moves on to what it describes. */
static int
descriptor_at (const unsigned char *body, size_t size, size_t *at, struct descriptor *d,
	       uint32_t *count)
{
  if (*at + sizeof *d > size)
    return 0;
  memcpy (d, body + *at, sizeof *d);
  *at += sizeof *d;
  *count = d->count;
#if __SIZEOF_POINTER__ == 4
  if (d->longform)
    {
      if (*at + 8 > size)
	return 0;
      d->name = *(uint16_t *) (body + *at);
      d->bits = *(uint16_t *) (body + *at + 2);
      *count = *(uint32_t *) (body + *at + 4);
      *at += 8;
    }
#endif
  return 1;
}

static int
is_right (int type)
{
  return type >= MOVE_RECEIVE && type <= MAKE_SEND_ONCE;
}

static int
as_received (int type)
{
  return type == MAKE_SEND_ONCE || type == MOVE_SEND_ONCE ? MOVE_SEND_ONCE
    : type == MOVE_RECEIVE ? MOVE_RECEIVE : MOVE_SEND;
}

static void
right_drop (struct right *right)
{
  if (right->port && right->type == MOVE_SEND)
    port_drop (right->port);
  else if (right->port && right->type == MOVE_SEND_ONCE)
    notify (right->port, 71, 0, 0);
  else if (right->port)
    port_die (right->port);
  right->port = 0;
}

void
message_free (struct message *m)
{
  for (int i = 0; i < m->n_rights; i++)
    right_drop (&m->rights[i]);
  for (int i = 0; i < m->n_memory; i++)
    free (m->memory[i].data);
  if (m->remote)
    right_drop (&(struct right) { 0, m->remote_type, m->remote });
  free (m->body);
  free (m);
}

static void
enqueue (struct port *to, struct message *m)
{
  if (!to->alive)
    {
      message_free (m);
      return;
    }
  m->next = 0;
  if (!to->first)
    to->last = &to->first;
  *to->last = m;
  to->last = &m->next;
  pthread_cond_broadcast (&standin_changed);
}

static size_t
put_field (unsigned char *at, const struct field *field)
{
  int wide = is_right (field->type) && WORD == 8;
  struct descriptor d = { .name = field->type, .bits = wide ? 64 : 32, .in_line = 1, .count = 1 };
  memcpy (at, &d, sizeof d);
  memset (at + sizeof d, 0, WORD);
  uint32_t value = field->value;
  memcpy (at + sizeof d, &value, 4);
  return sizeof d + WORD;
}

int
queue_words (struct port *to, int id, struct port *reply, const struct field *fields, int count)
{
  struct message *m = calloc (1, sizeof *m);
  m->id = id;
  m->remote = reply;
  m->remote_type = reply ? MOVE_SEND_ONCE : 0;
  m->body = calloc (count + 1, 3 * WORD);
  for (int i = 0; i < count; i++)
    {
      size_t at = m->size;
      m->size += put_field (m->body + at, &fields[i]);
      if (is_right (fields[i].type))
	m->rights[m->n_rights++]
	  = (struct right) { m->size - WORD, as_received (fields[i].type), fields[i].port };
    }
  int alive = to->alive;
  enqueue (to, m);
  return alive ? 0 : SEND_INVALID_DEST;
}

static void
notify (struct port *to, int id, int type, uint64_t value)
{
  queue_words (to, id, 0, &(struct field) { value, 0, type }, type ? 1 : 0);
}

int
word_of (struct message *m, int index, uint64_t *value)
{
  struct descriptor d;
  uint32_t count;
  size_t at = 0;
  for (int i = 0; descriptor_at (m->body, m->size, &at, &d, &count); i++)
    {
      if (i == index)
	{
	  *value = 0;
	  memcpy (value, m->body + at, d.bits / 8 > 8 ? 8 : d.bits / 8);
	  return 1;
	}
      at += d.in_line ? (d.bits * (size_t) count / 8 + WORD - 1) / WORD * WORD : WORD;
    }
  return 0;
}

struct port *
right_of (struct message *m, int index)
{
  if (index >= m->n_rights)
    return 0;
  struct port *port = m->rights[index].port;
  m->rights[index].port = 0;
  return port;
}

/* Takes the rights and the memory of a message out of this task. */
static int
copy_in (struct message *m)
{
  struct descriptor d;
  uint32_t count;
  size_t at = 0;
  while (at < m->size)
    {
      size_t start = at;
      if (!descriptor_at (m->body, m->size, &at, &d, &count))
	return SEND_INVALID_DATA;
      size_t length = (size_t) d.bits * count / 8;
      if (is_right (d.name))	/* its first byte: whoever receives it sees what it has become */
	m->body[start] = as_received (d.name);
      if (!d.in_line)
	{
	  struct memory *memory = &m->memory[m->n_memory++];
	  *memory = (struct memory) { at, length, malloc (length + 1) };
	  memcpy (memory->data, *(void **) (m->body + at), length);
	  at += WORD;
	  continue;
	}
      if (at + length > m->size)
	return SEND_INVALID_DATA;
      if (is_right (d.name))
	for (uint32_t i = 0; i < count; i++)
	  {
	    if (d.bits != 8 * WORD)
	      return SEND_INVALID_DATA;
	    struct right *right = &m->rights[m->n_rights];
	    *right = (struct right) { at + i * WORD, as_received (d.name), 0 };
	    uint32_t name = *(uint32_t *) (m->body + right->offset);
	    int error = port_take (name, d.name, &right->port);
	    if (error)
	      return error;
	    m->n_rights++;
	  }
      at += (length + WORD - 1) / WORD * WORD;
    }
  return 0;
}

static uint32_t
give_right (struct right *right)
{
  struct port *port = right->port;
  right->port = 0;
  if (!port)
    return NULL_PORT;
  if (right->type == MOVE_SEND)
    return port_give (port);
  if (right->type == MOVE_SEND_ONCE)
    return give_once (port);
  if (!port->name)
    port->name = new_name (port);
  names[port->name >> 2].receive = 1;
  return port->name;
}

static long live_memory;	/* bytes that came with messages and were not given back */

long
standin_memory (void)
{
  return live_memory;
}

static void *
new_memory (const void *data, size_t size)
{
  void *memory = mmap (0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy (memory, data, size);
  live_memory += size;
  return memory;
}

void *
reply_array (const void *data, size_t size, size_t count, void **memory, uint32_t *room)
{
  if (count > *room)
    *memory = new_memory (data, size * count);
  else if (count)
    memcpy (*memory, data, size * count);
  *room = count;
  return *memory;
}

static void
copy_out (struct message *m, struct port *from, struct header *header)
{
  for (int i = 0; i < m->n_rights; i++)
    {
      uint32_t name = give_right (&m->rights[i]);
      memcpy (m->body + m->rights[i].offset, &name, 4);
    }
  for (int i = 0; i < m->n_memory; i++)
    {
      void *memory = new_memory (m->memory[i].data, m->memory[i].size);
      memcpy (m->body + m->memory[i].offset, &memory, sizeof memory);
    }
  struct right remote = { 0, m->remote_type, m->remote };
  m->remote = 0;
  memset (header, 0, HEADER);
  header->bits = (m->n_rights || m->n_memory ? 0x80000000 : 0) | m->remote_type | 0x11 << 8;
  header->size = HEADER + m->size;
  header->remote = give_right (&remote);
  header->local = from->name;
  header->id = m->id;
  memcpy ((char *) header + HEADER, m->body, m->size);
  message_free (m);
}

__attribute__ ((weak)) int
standin_serve (struct port *port, struct message *m, struct field *answer, int *n_fields)
{
  return MIG_BAD_ID;
}

static int
deliver (struct port *to, struct message *m)
{
  if (!to->alive)
    {
      message_free (m);
      return SEND_INVALID_DEST;
    }
  if (to->kind == QUEUE)
    {
      enqueue (to, m);
      return 0;
    }
  struct field answer[8] = { 0 };
  int n_fields = 0;
  int code = standin_serve (to, m, answer + 1, &n_fields);
  answer[0] = (struct field) { (uint32_t) code, 0, 2 };
  if (m->remote && m->remote_type == MOVE_SEND_ONCE && code != MIG_SERVER_DIED)
    {
      struct port *reply = m->remote;
      m->remote = 0;
      queue_words (reply, m->id + 100, 0, answer, code ? 1 : 1 + n_fields);
    }
  message_free (m);
  return 0;
}

static int
message_send (struct header *h, uint32_t size)
{
  if (size < HEADER)
    return 0x10000008;
  struct message *m = calloc (1, sizeof *m);
  m->id = h->id;
  m->size = size - HEADER;
  m->body = malloc (m->size + 1);
  memcpy (m->body, (char *) h + HEADER, m->size);
  struct port *to = 0;
  struct entry *e = entry_of (h->remote);
  int once = (h->bits & 0xff) == MOVE_SEND_ONCE;
  int error = 0;
  if (!e || e->dead || (once ? !e->once : !e->send && !e->receive))
    error = SEND_INVALID_DEST;
  if (!error && h->local)
    {
      m->remote_type = as_received (h->bits >> 8 & 0xff);
      error = port_take (h->local, h->bits >> 8 & 0xff, &m->remote) ? SEND_INVALID_REPLY : 0;
    }
  if (!error)
    error = copy_in (m);
  if (!error)
    error = port_take (h->remote, h->bits & 0xff, &to) ? SEND_INVALID_DEST : 0;
  if (error)
    {
      message_free (m);
      return error;
    }
  error = deliver (to, m);
  if (!once)
    port_drop (to);
  return error;
}

static struct port *
waiting (struct port *from)	/* the port that has a message: itself or a member of the set */
{
  if (from->kind != SET)
    return from->first ? from : 0;
  for (int i = 1; i < NAMES; i++)
    if (names[i].receive && names[i].port->set == from && names[i].port->first)
      return names[i].port;
  return 0;
}

static int
message_receive (struct header *h, int option, uint32_t room, uint32_t name, uint32_t timeout)
{
  struct entry *e = entry_of (name);
  if (!e || !(e->receive || e->set))
    return RCV_INVALID_NAME;
  struct port *from = e->port, *ready;
  if (from->set)
    return RCV_IN_SET;
  struct timespec until;
  clock_gettime (CLOCK_REALTIME, &until);
  until.tv_sec += timeout / 1000;
  until.tv_nsec += timeout % 1000 * 1000000L;
  if (until.tv_nsec >= 1000000000L)
    until.tv_nsec -= 1000000000L, until.tv_sec++;
  while (!(ready = waiting (from)))
    {
      if (!from->alive)
	return RCV_PORT_DIED;
      if (!(option & 0x100))
	pthread_cond_wait (&standin_changed, &standin_lock);
      else if (pthread_cond_timedwait (&standin_changed, &standin_lock, &until) == ETIMEDOUT
	       && !(ready = waiting (from)))
	return RCV_TIMED_OUT;
      if (ready)
	break;
    }
  struct message *m = ready->first;
  if (HEADER + m->size > room)
    {
      h->size = HEADER + m->size;
      return RCV_TOO_LARGE;
    }
  ready->first = m->next;
  if (!ready->first)
    ready->last = &ready->first;
  copy_out (m, ready, h);
  return 0;
}

int
mach_msg (void *message, int option, uint32_t send_size, uint32_t rcv_size, uint32_t rcv_name,
	  uint32_t timeout, uint32_t notify_name)
{
  ENTER (mach_msg);
  int error = option & 1 ? message_send (message, send_size) : 0;
  if (!error && option & 2)
    error = message_receive (message, option, rcv_size, rcv_name, timeout);
  return error;
}

/* Traps, and what libc keeps. */

uint32_t __mach_task_self_;

uint32_t
port_give_locked (struct port *port)
{
  pthread_mutex_lock (&standin_lock);
  uint32_t name = port_give_new (port);
  pthread_mutex_unlock (&standin_lock);
  return name;
}

uint32_t
mach_host_self (void)
{
  return port_give_locked (host_port);
}

uint32_t
mach_thread_self (void)
{
  return port_give_locked (port_new (THREAD, 0));
}

static uint32_t
new_receive (void)
{
  struct port *port = port_new (QUEUE, 0);
  port->name = new_name (port);
  names[port->name >> 2].receive = 1;
  return port->name;
}

uint32_t
mach_reply_port (void)
{
  pthread_mutex_lock (&standin_lock);
  uint32_t name = new_receive ();
  pthread_mutex_unlock (&standin_lock);
  return name;
}

char standin_console[4096];

void
mach_print (const char *text)
{
  strncat (standin_console, text, sizeof standin_console - strlen (standin_console) - 1);
}

/* mach_port.defs, for this task. */

#define OURS(task) if (port_of (task) != this_task) return KERN_INVALID_ARGUMENT

int
mach_port_allocate (uint32_t task, uint32_t right, uint32_t *name)
{
  ENTER (mach_port_allocate);
  OURS (task);
  if (right == RECEIVE)
    *name = new_receive ();
  else if (right == PORT_SET)
    {
      struct port *set = port_new (SET, 0);
      *name = set->name = new_name (set);
      names[*name >> 2].set = 1;
    }
  else if (right == DEAD_NAME)
    {
      *name = new_name (this_task);
      names[*name >> 2] = (struct entry) { .dead = 1 };
    }
  else
    return KERN_INVALID_VALUE;
  return 0;
}

int
mach_port_insert_right (uint32_t task, uint32_t name, uint32_t right, uint32_t disposition)
{
  ENTER (mach_port_insert_right);
  OURS (task);
  struct port *port;
  int error = port_take (right, disposition, &port);
  if (error)
    return error;
  if (port->name && port->name != name)
    {
      port_drop (port);
      return KERN_RIGHT_EXISTS;
    }
  if (!port->name)
    {
      struct entry *e = &names[name >> 2];
      if (entry_of (name) || (name & 3) != 3 || name >> 2 >= NAMES)
	{
	  port_drop (port);
	  return KERN_NAME_EXISTS;
	}
      e->port = port;
      port->name = name;
    }
  port_give (port);
  return 0;
}

int
mach_port_extract_right (uint32_t task, uint32_t name, uint32_t disposition, uint32_t *right,
			 uint32_t *right_disposition)
{
  ENTER (mach_port_extract_right);
  OURS (task);
  struct port *port;
  int error = port_take (name, disposition, &port);
  if (error)
    return KERN_INVALID_RIGHT;
  *right_disposition = as_received (disposition);
  *right = give_right (&(struct right) { 0, *right_disposition, port });
  return 0;
}

static int
drop_receive (struct entry *e)
{
  struct port *port = e->port;
  e->receive = 0;
  port->set = 0;
  port_die (port);
  entry_check (e);
  return 0;
}

static int
drop_set (struct entry *e)
{
  for (int i = 1; i < NAMES; i++)
    if (names[i].port && names[i].port->set == e->port)
      names[i].port->set = 0;
  e->port->alive = 0;
  e->set = 0;
  entry_check (e);
  pthread_cond_broadcast (&standin_changed);
  return 0;
}

static void
drop_send (struct entry *e, unsigned count)
{
  struct port *port = e->port;
  e->send -= count;
  if (!e->send)
    {
      entry_check (e);
      port_drop (port);
    }
}

static void
drop_once (struct entry *e)
{
  struct port *port = e->port;
  e->once = 0;
  entry_check (e);
  notify (port, 71, 0, 0);
}

int
mach_port_mod_refs (uint32_t task, uint32_t name, uint32_t right, int32_t delta)
{
  ENTER (mach_port_mod_refs);
  OURS (task);
  struct entry *e = entry_of (name);
  if (!e)
    return KERN_INVALID_NAME;
  switch (right)
    {
    case SEND:
      if (!e->send)
	return KERN_INVALID_RIGHT;
      if ((int) e->send + delta < 0)
	return KERN_INVALID_VALUE;
      if (delta < 0)
	drop_send (e, -delta);
      else
	e->send += delta;
      return 0;
    case DEAD_NAME:
      if (!e->dead)
	return KERN_INVALID_RIGHT;
      if ((int) e->dead + delta < 0)
	return KERN_INVALID_VALUE;
      e->dead += delta;
      entry_check (e);
      return 0;
    case RECEIVE:
      return !e->receive ? KERN_INVALID_RIGHT : delta != -1 ? KERN_INVALID_VALUE : drop_receive (e);
    case PORT_SET:
      return !e->set ? KERN_INVALID_RIGHT : delta != -1 ? KERN_INVALID_VALUE : drop_set (e);
    case SEND_ONCE:
      if (!e->once)
	return KERN_INVALID_RIGHT;
      if (delta != -1)
	return KERN_INVALID_VALUE;
      drop_once (e);
      return 0;
    }
  return KERN_INVALID_VALUE;
}

int
mach_port_deallocate (uint32_t task, uint32_t name)
{
  ENTER (mach_port_deallocate);
  OURS (task);
  struct entry *e = entry_of (name);
  if (!e)
    return KERN_INVALID_NAME;
  if (e->dead)
    {
      e->dead--;
      entry_check (e);
    }
  else if (e->send)
    drop_send (e, 1);
  else if (e->once)
    drop_once (e);
  else
    return KERN_INVALID_RIGHT;
  return 0;
}

int
mach_port_destroy (uint32_t task, uint32_t name)
{
  ENTER (mach_port_destroy);
  OURS (task);
  struct entry *e = entry_of (name);
  if (!e)
    return KERN_INVALID_NAME;
  e->dead = 0;
  if (e->set)
    drop_set (e);
  if (e->receive)
    drop_receive (e);
  if (e->port && e->send)
    drop_send (e, e->send);
  if (e->port && e->once)
    drop_once (e);
  e->dead = 0;
  entry_check (e);
  return 0;
}

int
mach_port_get_refs (uint32_t task, uint32_t name, uint32_t right, uint32_t *refs)
{
  ENTER (mach_port_get_refs);
  OURS (task);
  struct entry *e = entry_of (name);
  if (!e)
    return KERN_INVALID_NAME;
  unsigned found[] = { e->send, e->receive, e->once, e->set, e->dead };
  if (right > DEAD_NAME)
    return KERN_INVALID_VALUE;
  *refs = found[right];
  return 0;
}

static uint32_t
type_of (struct entry *e)
{
  return !!e->send << 16 | !!e->receive << 17 | e->once << 18 | e->set << 19 | !!e->dead << 20;
}

ROUTINE (mach_port_type, (uint32_t task, uint32_t name, uint32_t *type), OURS (task),
  struct entry *e = entry_of (name);
  if (!e)
    return KERN_INVALID_NAME;
  *type = type_of (e);)

int
mach_port_names (uint32_t task, uint32_t **out_names, uint32_t *names_count, uint32_t **types,
		 uint32_t *types_count)
{
  ENTER (mach_port_names);
  OURS (task);
  static uint32_t found[NAMES], kinds[NAMES];
  int n = 0;
  for (int i = 1; i < NAMES; i++)
    if (entry_of (name_at (i)))
      {
	found[n] = name_at (i);
	kinds[n++] = type_of (&names[i]);
      }
  ARRAY (out_names, names_count, found, n);
  ARRAY (types, types_count, kinds, n);
  return 0;
}

int
mach_port_rename (uint32_t task, uint32_t old_name, uint32_t new)
{
  ENTER (mach_port_rename);
  OURS (task);
  struct entry *e = entry_of (old_name);
  if (!e)
    return KERN_INVALID_NAME;
  if ((new & 3) != 3 || new >> 2 >= NAMES || new >> 2 == 0)
    return KERN_INVALID_VALUE;
  if (entry_of (new))
    return KERN_NAME_EXISTS;
  names[new >> 2] = *e;
  if (e->port && e->port->name == old_name)
    e->port->name = new;
  *e = (struct entry) { 0 };
  return 0;
}

int
mach_port_move_member (uint32_t task, uint32_t member, uint32_t after)
{
  ENTER (mach_port_move_member);
  OURS (task);
  struct entry *e = entry_of (member), *set = entry_of (after);
  if (!e || (after && !set))
    return KERN_INVALID_NAME;
  if (!e->receive || (after && !set->set))
    return KERN_INVALID_RIGHT;
  e->port->set = after ? set->port : 0;
  pthread_cond_broadcast (&standin_changed);
  return 0;
}

int
mach_port_set_qlimit (uint32_t task, uint32_t name, uint32_t qlimit)
{
  ENTER (mach_port_set_qlimit);
  OURS (task);
  struct entry *e = entry_of (name);
  return !e ? KERN_INVALID_NAME : !e->receive ? KERN_INVALID_RIGHT
    : qlimit > 16 ? KERN_INVALID_VALUE : 0;
}

int
mach_port_get_receive_status (uint32_t task, uint32_t name, mach_port_status_t *status)
{
  ENTER (mach_port_get_receive_status);
  OURS (task);
  struct entry *e = entry_of (name);
  if (!e)
    return KERN_INVALID_NAME;
  if (!e->receive)
    return KERN_INVALID_RIGHT;
  uint32_t queued = 0;
  for (struct message *m = e->port->first; m; m = m->next)
    queued++;
  *status = (mach_port_status_t) {
    .mps_pset = e->port->set ? e->port->set->name : 0, .mps_mscount = e->port->made,
    .mps_qlimit = 5, .mps_msgcount = queued, .mps_srights = e->port->senders > 0,
    .mps_nsrequest = e->port->no_senders != 0
  };
  return 0;
}

int
mach_port_request_notification (uint32_t task, uint32_t name, int32_t id, uint32_t sync,
				uint32_t to_name, uint32_t disposition, uint32_t *previous)
{
  ENTER (mach_port_request_notification);
  OURS (task);
  struct entry *e = entry_of (name);
  if (!e)
    return KERN_INVALID_NAME;
  struct port *to, **slot;
  int error = port_take (to_name, disposition, &to);
  if (error)
    return error;
  if (id == 72)
    {
      if (e->dead && sync && to)
	{
	  e->dead++;
	  notify (to, 72, 15, name);
	  *previous = NULL_PORT;
	  return 0;
	}
      slot = &e->dead_request;
    }
  else if (id == 70 && e->receive)
    {
      slot = &e->port->no_senders;
      if (!e->port->senders && to && sync <= e->port->made)
	{
	  notify (to, 70, 2, e->port->made);
	  to = 0;
	}
    }
  else
    return id == 70 ? KERN_INVALID_RIGHT : KERN_INVALID_VALUE;
  *previous = *slot ? give_once (*slot) : NULL_PORT;
  *slot = to;
  return 0;
}

ROUTINE (vm_deallocate, (uint32_t task, uintptr_t address, uintptr_t size), OURS (task),
  if (munmap ((void *) address, size))
    return KERN_INVALID_ARGUMENT;
  live_memory -= size;)

/* What the tests ask and tell. */

static struct failure { char routine[64]; int code, times; } failures[16];

void
standin_fail (const char *routine, int code, int times)
{
  pthread_mutex_lock (&standin_lock);
  struct failure *free_one = 0;
  for (int i = 0; i < 16; i++)
    if (!failures[i].times && !free_one)
      free_one = &failures[i];
  if (free_one)
    {
      snprintf (free_one->routine, sizeof free_one->routine, "%s", routine);
      free_one->code = code;
      free_one->times = times;
    }
  pthread_mutex_unlock (&standin_lock);
}

static struct counted { char routine[64]; int calls; } counted[512];

static int *
counter (const char *routine)
{
  int i = 0;
  while (counted[i].routine[0] && strcmp (counted[i].routine, routine))
    i++;
  snprintf (counted[i].routine, sizeof counted[i].routine, "%s", routine);
  return &counted[i].calls;
}

int
standin_calls (const char *routine)
{
  pthread_mutex_lock (&standin_lock);
  int calls = *counter (routine);
  pthread_mutex_unlock (&standin_lock);
  return calls;
}

int
standin_enter (const char *routine)
{
  pthread_mutex_lock (&standin_lock);
  ++*counter (routine);
  for (int i = 0; i < 16; i++)
    if (failures[i].times && !strcmp (failures[i].routine, routine))
      {
	failures[i].times--;
	int code = failures[i].code;
	pthread_mutex_unlock (&standin_lock);
	return code;
      }
  return 0;
}

void
standin_leave (int *entered)
{
  if (!*entered)
    pthread_mutex_unlock (&standin_lock);
}

/* How many references this task has in all, and under how many names. */
long
standin_references (void)
{
  long found = 0;
  for (int i = 1; i < NAMES; i++)
    found += names[i].send + names[i].dead + names[i].receive + names[i].set + names[i].once;
  return found;
}

/* A child made by fork must not find the lock in the hands of a thread that it does not have. */
static void
before_fork (void)
{
  pthread_mutex_lock (&standin_lock);
}

static void
after_fork (void)
{
  pthread_mutex_unlock (&standin_lock);
}

__attribute__ ((constructor (101))) static void
start (void)
{
  pthread_atfork (before_fork, after_fork, after_fork);
  this_task = port_new (TASK, 0);
  host_port = port_new (HOST, 0);
  host_priv_port = port_new (HOST_PRIV, 0);
  device_master_port = port_new (DEVICE_MASTER, 0);
  /* The servers' own rights, so that a port of theirs does not end with ours. */
  struct port *kept[] = { this_task, host_port, host_priv_port, device_master_port };
  for (int i = 0; i < 4; i++)
    port_hold (kept[i]);
  __mach_task_self_ = port_give_new (this_task);
}
