/*
 * Opens connections from and to 127.0.0.1 and keeps them until standard input ends. Prints a line once all are open.
 *
 * cc -O2 -static -o sockets sockets.c && ./sockets 25000
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A port has about 28,000 others to connect from. */
#define MOST 20000

static int fails(const char *what)
{
	perror(what);
	return 1;
}

/* Connections to one port, in a process of their own: a process has a limit of files. */
static int hold(unsigned short port, long pairs, int opened)
{
	struct sockaddr_in at;
	memset(&at, 0, sizeof at);
	at.sin_family = AF_INET;
	at.sin_port = htons(port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 16) != 0)
		return fails("listen");
	for (long pair = 0; pair < pairs; pair++) {
		int from = socket(AF_INET, SOCK_STREAM, 0);
		if (from < 0 || connect(from, (struct sockaddr *)&at, sizeof at) != 0 || accept(listener, NULL, NULL) < 0)
			return fails("connect");
	}
	char byte = 0;
	if (write(opened, &byte, 1) != 1)
		return fails("write");
	close(opened);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	long left = argc > 1 ? atol(argv[1]) : 0;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return fails("getrlimit");
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	long each = (long)files.rlim_cur / 2 - 20;
	if (each > MOST)
		each = MOST;
	char byte;
	for (unsigned short port = 20000; left > 0; port++, left -= each) {
		int opened[2];
		if (pipe(opened) != 0)
			return fails("pipe");
		pid_t child = fork();
		if (child < 0)
			return fails("fork");
		if (child == 0)
			return hold(port, left < each ? left : each, opened[1]);
		/* Ends without a byte if the process does. */
		close(opened[1]);
		if (read(opened[0], &byte, 1) != 1)
			return 1;
		close(opened[0]);
	}
	puts("open");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	while (wait(NULL) > 0)
		;
	return 0;
}
