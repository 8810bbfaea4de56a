/* Nodes, translators and processes of the stand-in. */

#ifndef WORLD_H
#define WORLD_H

#include "standin.h"

enum { O_READ_ = 1, O_WRITE_ = 2, O_EXEC_ = 4, O_CREAT_ = 0x10, O_EXCL_ = 0x20, O_NOLINK_ = 0x40,
       O_NOTRANS_ = 0x80, O_APPEND_ = 0x100, O_TRUNC_ = 0x10000, O_NOFOLLOW_ = 0x100000,
       O_DIRECTORY_ = 0x200000 };

struct translator;

struct node
{
  char name[256];
  struct node *parent, *children, *next;
  struct translator *fs;	/* whose file system it is in */
  uint32_t mode, uid, gid, author, flags, links, number;
  int64_t atime[2], mtime[2];
  char passive[4096];
  size_t passive_size;
  struct port *active;		/* a control port, held */
  char *data;
  size_t size;
  const char *program;		/* what running the file does, for executables */
  enum kind service;		/* what a lookup gives instead of the node, if not ANY */
  int lock;
};

struct open
{
  struct node *node;
  int flags;
  int64_t offset;
  struct open *next;
};

struct task
{
  int32_t pid, ppid, pgrp, session;
  uint32_t owner;
  int owned, alive, suspended, important, essential, status;
  char argv[4096];
  size_t argv_size;
  struct port *port, *proc;	/* the task's port, and its port to the proc server */
  struct port *msgport;
  struct translator *translator;
  struct port *bootstrap;	/* held until the program is done with it */
  struct task *next;
  char name[64];
};

struct translator
{
  struct node *root;
  struct port *control, *underlying;
  struct task *task;		/* null for the root file system and passive starts */
  char options[4096];
  size_t options_size;
  int readonly, quiet;		/* quiet: exits without answering fsys_goaway, as most do */
};

struct ids
{
  uint32_t euids[8], auids[8], egids[8], agids[8];
  uint32_t n[4];
};

extern struct node *root;
extern struct translator *root_fs;
extern struct ids *self_ids;
extern struct port *auth_port, *proc_port;
extern struct task *tasks;

struct node *node_new (struct node *parent, const char *name, uint32_t mode);
int resolve (struct node *start, const char *name, int flags, uint32_t mode, struct node **);
struct port *open_node (struct node *, int flags);	/* not held yet */
int node_control (struct node *, struct port **);	/* the living control port */
struct translator *translator_new (struct node *under, const char *program, const char *argv,
				   size_t argv_size);
void translator_end (struct translator *);
int translator_goaway (struct translator *, int flags);
struct task *task_of_pid (int32_t pid);
void task_end (struct task *, int status);
void task_run (struct task *, const char *program);
int may_own (struct node *);	/* root, or the owner */

#endif
