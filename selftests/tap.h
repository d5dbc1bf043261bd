/* SPDX-License-Identifier: GPL-2.0 */
/* TAP for the tests in C, and what they all need of AF_XRPC. */
#ifndef XRPC_TAP_H
#define XRPC_TAP_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/xrpc.h>

static int tap_n, tap_failed;

static inline void tap_begin(void)
{
	setlinebuf(stdout);
	printf("TAP version 13\n");
}

/* One result. */
__attribute__((format(printf, 2, 3)))
static inline bool ok(bool good, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("%s %d - ", good ? "ok" : "not ok", ++tap_n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		printf("# errno was %d, %s\n", err, strerror(err));
		tap_failed = 1;
	}
	errno = err;
	return good;
}

/* The call failed with this errno. */
#define fails(call, err, ...)						\
	ok((errno = 0, (call) == -1) && errno == (err), __VA_ARGS__)

static inline int tap_end(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed;
}

/* One of the module's counters where this thread is, all ones if there is none. */
static inline uint64_t counter(const char *name)
{
	FILE *f = fopen("/proc/thread-self/net/xrpc/stats", "r");
	char line[100], n[64];
	uint64_t v = UINT64_MAX;
	long got;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %ld", n, &got) == 2 && !strcmp(n, name))
			v = got;
	}
	if (f)
		fclose(f);
	return v;
}

/* Write a setting; whether it was taken. */
static inline bool write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static inline struct sockaddr_xrpc at(const char *host, int port,
				      uint32_t service)
{
	struct sockaddr_xrpc a = {
		.sxr_family = AF_XRPC,
		.sxr_port = htons(port),
		.sxr_service = service,
	};

	if (strchr(host, ':')) {
		inet_pton(AF_INET6, host, &a.sxr_addr);
	} else {
		memset(a.sxr_addr.s6_addr + 10, 0xff, 2);
		inet_pton(AF_INET, host, a.sxr_addr.s6_addr + 12);
	}
	return a;
}

static inline int xrpc_socket(void)
{
	struct timeval tv = { .tv_sec = 20 };
	int fd = socket(AF_XRPC, SOCK_RDM, 0);

	if (fd < 0) {
		printf("1..0 # SKIP no AF_XRPC here: %s\n", strerror(errno));
		exit(4);
	}
	/* nothing here waits for ever */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

static inline int server_at(struct sockaddr_xrpc a)
{
	int fd = xrpc_socket();

	if (bind(fd, (void *)&a, sizeof(a))) {
		printf("Bail out! bind: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

static inline int client_to(struct sockaddr_xrpc a)
{
	int fd = xrpc_socket();

	if (connect(fd, (void *)&a, sizeof(a))) {
		printf("Bail out! connect: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

/* Receive a request and its address. */
static inline ssize_t get_request(int fd, void *buf, size_t len,
				  struct sockaddr_xrpc *from)
{
	socklen_t n = sizeof(*from);

	return recvfrom(fd, buf, len, 0, (void *)from, &n);
}

static inline ssize_t give_answer(int fd, const void *buf, size_t len,
				  const struct sockaddr_xrpc *to)
{
	return sendto(fd, buf, len, 0, (const void *)to, sizeof(*to));
}

#endif /* XRPC_TAP_H */
