/* A stand-in for the Hurd, for drover's tests on other systems.  It is NOT a Hurd: it exports the
   functions of glibc, libhurduser and libmachuser with the signatures that hurd/rpc/ declares, over
   ports, nodes and processes that exist only in the memory of the test's process.  It shows that
   the bindings pass arguments, take results and own rights properly; how servers behave is only what
   drover's authors believe.  The truth is the real Hurd. */

#ifndef STANDIN_H
#define STANDIN_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "declarations.h"

enum { NULL_PORT = 0, DEAD_PORT = 0xffffffff };
enum { SEND, RECEIVE, SEND_ONCE, PORT_SET, DEAD_NAME };
enum { MOVE_RECEIVE = 16, MOVE_SEND, MOVE_SEND_ONCE, COPY_SEND, MAKE_SEND, MAKE_SEND_ONCE };

#define HURD(n) (0x40000000 | (n))
enum {
  H_EPERM = HURD (1), H_ENOENT = HURD (2), H_ESRCH = HURD (3), H_EINTR = HURD (4),
  H_EIO = HURD (5), H_ENXIO = HURD (6), H_ENOEXEC = HURD (8), H_EBADF = HURD (9),
  H_ECHILD = HURD (10), H_EACCES = HURD (13), H_EBUSY = HURD (16), H_EEXIST = HURD (17),
  H_ENOTDIR = HURD (20), H_EISDIR = HURD (21), H_EINVAL = HURD (22), H_ESPIPE = HURD (29),
  H_EROFS = HURD (30), H_EOPNOTSUPP = HURD (45), H_ELOOP = HURD (62), H_ENOTEMPTY = HURD (66),
  H_EWOULDBLOCK = HURD (35), H_EDIED = HURD (101)
};
enum {
  KERN_INVALID_ARGUMENT = 4, KERN_NO_ACCESS = 8, KERN_NAME_EXISTS = 13, KERN_INVALID_NAME = 15,
  KERN_INVALID_RIGHT = 17, KERN_INVALID_VALUE = 18, KERN_RIGHT_EXISTS = 21,
  SEND_INVALID_DATA = 0x10000002, SEND_INVALID_DEST = 0x10000003,
  SEND_INVALID_REPLY = 0x10000009, SEND_INVALID_RIGHT = 0x1000000a,
  RCV_INVALID_NAME = 0x10004002, RCV_TIMED_OUT = 0x10004003, RCV_TOO_LARGE = 0x10004004,
  RCV_PORT_DIED = 0x10004009, RCV_IN_SET = 0x1000400a,
  MIG_BAD_ID = -303, MIG_BAD_ARGUMENTS = -304, MIG_ARRAY_TOO_LARGE = -307, MIG_SERVER_DIED = -308
};

enum kind { ANY, QUEUE, SET, NODE, CONTROL, TASK, PROC, AUTH, HOST, HOST_PRIV, DEVICE_MASTER,
            THREAD, MSGPORT, STARTUP, SERVICE };

/* A field of a message that a server sends: a number, or a right it holds. */
struct field
{
  uint64_t value;
  struct port *port;
  int type;
};

struct right
{
  size_t offset;
  int type;
  struct port *port;
};

struct memory
{
  size_t offset, size;
  void *data;
};

struct message
{
  struct message *next;
  int id, remote_type, n_rights, n_memory;
  struct port *remote;		/* where the answer goes, held */
  size_t size;			/* of the body */
  unsigned char *body;
  struct right rights[32];
  struct memory memory[8];
};

struct port
{
  enum kind kind;
  void *object;			/* what a server has behind it */
  int alive;
  unsigned senders;		/* rights to send: one for this task, one each in transit or held */
  unsigned made;		/* how many were made from the receive right */
  uint32_t name;		/* what this task calls it, 0: has no right to send or receive */
  struct port *set;		/* the port set it is a member of */
  struct message *first, **last;
  struct port *no_senders;	/* who is told that nobody can send any more */
  void (*forgotten) (struct port *);	/* the server's way to learn it */
};

/* kernel.c */
extern pthread_mutex_t standin_lock;
extern pthread_cond_t standin_changed;
int standin_enter (const char *routine);	/* locks; a forced error or 0 */
void standin_leave (int *);
#define ENTER(routine) \
  int entered __attribute__ ((cleanup (standin_leave))) = standin_enter (#routine); \
  if (entered) return entered

/* A routine that succeeds unless what it begins with, or does, returns an error. */
#define ROUTINE(name, arguments, begin, ...) \
  int name arguments { ENTER (name); begin; __VA_ARGS__ return 0; }

struct port *port_new (enum kind kind, void *object);
void port_die (struct port *);		/* its receive right is gone */
void port_hold (struct port *);		/* one right to send more, held by a server */
void port_drop (struct port *);
uint32_t port_give (struct port *);	/* hand a held right to this task; its name */
uint32_t port_give_new (struct port *);	/* hold, then give */
uint32_t port_give_locked (struct port *);	/* the same for a function that has not locked */
int port_take (uint32_t name, uint32_t disposition, struct port **);	/* from this task, held */
struct port *port_of (uint32_t name);	/* what this task may send to, or null */
int target (uint32_t name, enum kind, void *object);	/* a routine's port: *object, or an error */
int queue_words (struct port *to, int id, struct port *reply, const struct field *fields, int count);
void *reply_array (const void *data, size_t size, size_t count, void **memory, uint32_t *room);
void message_free (struct message *);	/* with the rights in it */
int word_of (struct message *, int index, uint64_t *value);	/* its index-th single number */
struct port *right_of (struct message *, int index);	/* takes the right out */
/* A server of messages: the answer's code, and its fields after that. Not for a QUEUE. */
int standin_serve (struct port *, struct message *, struct field *answer, int *n_fields);
extern struct port *this_task, *host_port, *host_priv_port, *device_master_port;

#define ARRAY(out, count, data, n) \
  reply_array (data, sizeof *(data), n, (void **) (out), count)

#endif
