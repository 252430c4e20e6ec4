/*
 * The least that a check can cost: reads what RKE2's own check of a server would read, compares,
 * and says one line. Everything preflight-rke2 takes beyond this is its own doing.
 *
 * cc -O2 -static -o floor floor.c && ./floor [ROOT]
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 16];

/* The file's beginning, as much as fits; -1 if there is none. */
static long slurp(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	long length = 0;
	while (length < (long)sizeof buffer - 1) {
		long got = read(fd, buffer + length, sizeof buffer - 1 - length);
		if (got <= 0)
			break;
		length += got;
	}
	close(fd);
	buffer[length] = 0;
	return length;
}

static int is(const char *path, const char *expected)
{
	return slurp(path) >= 0 && strcmp(buffer, expected) == 0;
}

/* Whether a line begins with the name and a colon. */
static int names(const char *path, const char *entry)
{
	if (slurp(path) < 0)
		return 0;
	size_t length = strlen(entry);
	for (const char *line = buffer; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, entry, length) == 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (chdir(argc > 1 ? argv[1] : "/") != 0)
		return 1;
	int good = 1;
	good &= is("proc/sys/vm/overcommit_memory", "1\n");
	good &= is("proc/sys/vm/panic_on_oom", "0\n");
	good &= is("proc/sys/kernel/panic", "10\n");
	good &= is("proc/sys/kernel/panic_on_oops", "1\n");
	good &= is("proc/sys/kernel/keys/root_maxkeys", "1000000\n");
	good &= is("proc/sys/kernel/keys/root_maxbytes", "25000000\n");
	good &= names("etc/passwd", "etcd:");
	good &= names("etc/group", "etcd:");
	if (slurp("etc/rancher/rke2/config.yaml") >= 0 && !strstr(buffer, "profile"))
		good = 1;
	const char *verdict = good ? "would start\n" : "would refuse\n";
	if (write(1, verdict, strlen(verdict)) < 0)
		return 1;
	return good ? 0 : 3;
}
