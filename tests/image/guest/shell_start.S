/* Where a multiboot loader enters the stand-in kernel (shell.c): a header that GRUB looks for in
   the first 8 KiB, and a stack. */

	.set	MAGIC, 0x1BADB002
	.set	FLAGS, 0x00000002	/* tell us the memory; the command line comes anyway */

	.text
	.balign	4
	.long	MAGIC, FLAGS, -(MAGIC + FLAGS)

	.globl	_start
_start:
	cli
	cld
	movl	$stack_top, %esp
	xorl	%ebp, %ebp
	pushl	%ebx			/* the loader's information */
	call	run_stand_in
1:	hlt
	jmp	1b

	.bss
	.balign	16
	.skip	65536
stack_top:

	.section .note.GNU-stack, "", @progbits
