/*
 * How many instructions a program takes until it ends, counted one by one, and how many of them are
 * CPUID. Unlike times, the numbers are the same on a busy machine. CPUID matters because under a
 * hypervisor each one leaves the guest: several microseconds, where others take none.
 *
 * cc -O2 -o steps steps.c && ./steps [--peak] PROGRAM [ARGUMENT...]
 *
 * Only the program's own process and first thread count. Gives up after LIMIT instructions.
 * With --peak it counts nothing and prints the most memory that was resident, in KiB: read as the
 * program ends, because what wait4(2) tells includes the process that started it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 20000000L
#define CPUID 0xa20f

/* VmHWM of a process that has yet to go. */
static long peak_of(pid_t child)
{
	char name[64], line[256];
	long peak = -1;
	snprintf(name, sizeof name, "/proc/%d/status", (int)child);
	FILE *status = fopen(name, "r");
	if (!status)
		return -1;
	while (fgets(line, sizeof line, status))
		if (sscanf(line, "VmHWM: %ld", &peak) == 1)
			break;
	fclose(status);
	return peak;
}

static int print_peak(pid_t child)
{
	int status, deliver = 0;
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT);
	while (ptrace(PTRACE_CONT, child, 0, deliver) == 0 &&
	       waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXIT << 8))) {
			printf("%ld\n", peak_of(child));
			ptrace(PTRACE_CONT, child, 0, 0);
			waitpid(child, &status, 0);
			return 0;
		}
		deliver = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	}
	return 1;
}

int main(int argc, char **argv)
{
	int peak = argc > 1 && strcmp(argv[1], "--peak") == 0;
	argv += peak;
	argc -= peak;
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
	if (peak)
		return print_peak(child);
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
