/* A task for GNU Mach that prints the arguments the kernel gave it, then waits for ever.

   It is loaded as a boot module in place of a server of the Hurd, and tells what such a server would
   have seen. It needs no library and no other server: it prints with the trap `mach_print`, which
   writes on the kernel's console. */

/* Mach's traps have negative numbers, in %eax or %rax. On i386 they are entered by a call gate, with
   the arguments on the stack behind a return address; on amd64 by `syscall`, with the arguments
   where functions have them, but the fourth in %r10. The bootstrap leaves argc at the top of the
   stack, with argv behind it. */
#ifdef __x86_64__
__asm__(
	".globl mach_print\n"
	"mach_print:\n"
	"	movq $-30, %rax\n"
	"	syscall\n"
	"	ret\n"
	".globl thread_switch\n"
	"thread_switch:\n"
	"	movq $-61, %rax\n"
	"	syscall\n"
	"	ret\n"
	".globl _start\n"
	"_start:\n"
	"	movq %rsp, %rdi\n"
	"	xorl %ebp, %ebp\n"
	"	andq $-16, %rsp\n"
	"	call report\n"
	".section .note.GNU-stack, \"\", @progbits\n"
	".text\n");
#else
__asm__(
	".globl mach_print\n"
	"mach_print:\n"
	"	movl $-30, %eax\n"
	"	lcall $7, $0\n"
	"	ret\n"
	".globl thread_switch\n"
	"thread_switch:\n"
	"	movl $-61, %eax\n"
	"	lcall $7, $0\n"
	"	ret\n"
	".globl _start\n"
	"_start:\n"
	"	movl %esp, %eax\n"
	"	xorl %ebp, %ebp\n"
	"	andl $-16, %esp\n"
	"	subl $12, %esp\n"
	"	pushl %eax\n"
	"	call report\n"
	".section .note.GNU-stack, \"\", @progbits\n"
	".text\n");
#endif

extern int mach_print(const char *text);
extern int thread_switch(int thread, int option, int milliseconds);

enum { SWITCH_OPTION_WAIT = 2 };

void report(long *stack)
{
	int argc = stack[0];
	char **argv = (char **) (stack + 1);
	for (int i = 0; i < argc; i++) {
		mach_print("report: argument: ");
		mach_print(argv[i]);
		mach_print("\n");
	}
	mach_print("report: end\n");
	for (;;)
		thread_switch(0, SWITCH_OPTION_WAIT, 1000);
}
