/*
 * How many instructions a program takes until it ends, counted one by one, and how many of them are
 * CPUID. Unlike times, the numbers are the same on a busy machine. CPUID matters because under a
 * hypervisor each one leaves the guest: several microseconds, where others take none.
 *
 * cc -O2 -o steps steps.c && ./steps PROGRAM [ARGUMENT...]
 *
 * Only the program's own process and first thread count. Gives up after LIMIT instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 3000000L
#define CPUID 0xa20f

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	pid_t child = fork();
	if (child < 0)
		return 1;
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) == 0)
			execv(argv[1], argv + 1);
		_exit(127);
	}
	long steps = 0, cpuid = 0;
	int status, deliver = 0;
	/* The first stop is the execve. */
	if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
		return 1;
	for (; steps < LIMIT; steps++) {
		long at = ptrace(PTRACE_PEEKUSER, child,
				 offsetof(struct user_regs_struct, rip), 0);
		if ((ptrace(PTRACE_PEEKTEXT, child, at, 0) & 0xffff) == CPUID)
			cpuid++;
		if (ptrace(PTRACE_SINGLESTEP, child, 0, deliver) != 0)
			break;
		if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status))
			break;
		deliver = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	}
	if (steps == LIMIT) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return 1;
	}
	printf("%ld %ld\n", steps, cpuid);
	return 0;
}
