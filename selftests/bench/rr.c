// SPDX-License-Identifier: GPL-2.0
/*
 * rr: ping-pong between two processes, over several transports in turn.
 *
 *	rr [-s NETNS] [-c NETNS] [-a ADDR] [-b BYTES] [-n ROUNDS] [-w WARMUP]
 *	   [-p PASSES] [-d DIVISOR] [-P] [TRANSPORT...]
 *
 * The server runs in the namespace of -s, the client in that of -c; ADDR is
 * the server's.  Each pass runs every transport once, with new sockets and a
 * new server, because where things come to lie in memory changes the figures.
 * Every round is timed alone and its reply is compared; all rounds of all
 * passes go into one distribution.  TCP with a connection a call does one
 * DIVISORth of the rounds.  -P pins the client to CPU 0, the server to CPU 1.
 *
 * One line a transport: name, rounds, min, median, p99 and mean in ns.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/xrpc.h>

#define BYTES_MAX	1400	/* one packet, whatever the transport */
#define PORT		7000
#define XRPC_PORT	7001	/* an endpoint outlives its sockets for a while */

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * A transport: what differs.  @serve answers requests until it is killed; it
 * writes to @ready once the client may begin.
 */
struct transport {
	const char *name;
	int (*open)(void);
	void (*call)(int fd, const void *req, void *reply);
	void (*serve)(int ready);
	bool one_shot;		/* a connection a call */
};

static struct in_addr addr;
static size_t bytes = 100;
static char buf[BYTES_MAX];

static void check_len(const char *what, ssize_t n)
{
	if (n < 0)
		err(1, "%s", what);
	if ((size_t)n != bytes)
		errx(1, "%s: %zd bytes of %zu", what, n, bytes);
}

/* The answer is the request, one byte of it changed. */
static void answer(char *p)
{
	p[bytes - 1] ^= 0x55;
}

static void tell_ready(int ready)
{
	if (write(ready, "", 1) != 1)
		err(1, "ready");
	close(ready);
}

/* ---- UDP, connected at both ends */

static struct sockaddr_in inet_addr_of(struct in_addr a)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = a,
				     .sin_port = htons(PORT) };
}

static int inet_open(int type)
{
	struct sockaddr_in sin = inet_addr_of(addr);
	int one = 1;
	int fd;

	fd = socket(AF_INET, type, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		err(1, "connect");
	if (type == SOCK_STREAM &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(1, "TCP_NODELAY");
	return fd;
}

static int udp_open(void)
{
	return inet_open(SOCK_DGRAM);
}

static void send_recv(int fd, const void *req, void *reply)
{
	check_len("send", send(fd, req, bytes, 0));
	check_len("recv", recv(fd, reply, bytes, 0));
}

static void udp_serve(int ready)
{
	struct sockaddr_in sin = inet_addr_of((struct in_addr){ 0 });
	socklen_t len = sizeof(sin);
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		err(1, "bind");
	tell_ready(ready);
	check_len("recvfrom", recvfrom(fd, buf, sizeof(buf), 0,
				       (struct sockaddr *)&sin, &len));
	if (connect(fd, (struct sockaddr *)&sin, len))
		err(1, "connect");
	for (;;) {
		answer(buf);
		check_len("send", send(fd, buf, bytes, 0));
		check_len("recv", recv(fd, buf, sizeof(buf), 0));
	}
}

/* ---- TCP, kept open; and a connection a call */

static int tcp_open(void)
{
	return inet_open(SOCK_STREAM);
}

static int tcp_listen(int ready)
{
	struct sockaddr_in sin = inet_addr_of((struct in_addr){ 0 });
	int one = 1;
	int fd;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, 128))
		err(1, "listen");
	tell_ready(ready);
	return fd;
}

static int tcp_accept(int fd)
{
	int one = 1;
	int conn;

	conn = accept(fd, NULL, NULL);
	if (conn < 0 ||
	    setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
		err(1, "accept");
	return conn;
}

static void tcp_serve(int ready)
{
	int fd = tcp_accept(tcp_listen(ready));
	ssize_t n;

	while ((n = recv(fd, buf, bytes, 0)) != 0) {
		check_len("recv", n);
		answer(buf);
		check_len("send", send(fd, buf, bytes, 0));
	}
	pause();
}

static int no_open(void)
{
	return -1;
}

static void tcp_connect_call(int none, const void *req, void *reply)
{
	int fd = tcp_open();

	(void)none;
	send_recv(fd, req, reply);
	close(fd);
}

static void tcp_connect_serve(int ready)
{
	int listener = tcp_listen(ready);
	int fd;

	for (;;) {
		fd = tcp_accept(listener);
		check_len("recv", recv(fd, buf, bytes, 0));
		answer(buf);
		check_len("send", send(fd, buf, bytes, 0));
		close(fd);
	}
}

/* ---- XRPC: four system calls a round, as UDP; and two */

static int xrpc_open(void)
{
	struct sockaddr_xrpc sxr = {
		.sxr_family = AF_XRPC,
		.sxr_port = htons(XRPC_PORT),
	};
	int fd;

	sxr.sxr_addr.s6_addr[10] = 0xff;
	sxr.sxr_addr.s6_addr[11] = 0xff;
	memcpy(&sxr.sxr_addr.s6_addr[12], &addr, sizeof(addr));
	fd = socket(AF_XRPC, SOCK_RDM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sxr, sizeof(sxr)))
		err(1, "AF_XRPC: connect");
	return fd;
}

static int xrpc_bind(int ready)
{
	struct sockaddr_xrpc sxr = {
		.sxr_family = AF_XRPC,
		.sxr_port = htons(XRPC_PORT),
	};
	int fd;

	fd = socket(AF_XRPC, SOCK_RDM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sxr, sizeof(sxr)))
		err(1, "AF_XRPC: bind");
	tell_ready(ready);
	return fd;
}

static void xrpc_serve(int ready)
{
	int fd = xrpc_bind(ready);
	struct sockaddr_xrpc from;
	socklen_t len;

	for (;;) {
		len = sizeof(from);
		check_len("recvfrom", recvfrom(fd, buf, sizeof(buf), 0,
					       (struct sockaddr *)&from, &len));
		answer(buf);
		check_len("sendto", sendto(fd, buf, bytes, 0,
					   (struct sockaddr *)&from, len));
	}
}

static void xrpc_ioc_call(int fd, const void *req, void *reply)
{
	struct xrpc_call_args args = {
		.req = (uintptr_t)req,
		.req_len = bytes,
		.reply = (uintptr_t)reply,
		.reply_len = bytes,
	};

	if (ioctl(fd, XRPC_IOC_CALL, &args))
		err(1, "XRPC_IOC_CALL");
	check_len("XRPC_IOC_CALL", args.reply_len);
}

static void xrpc_ioc_serve(int ready)
{
	int fd = xrpc_bind(ready);
	struct xrpc_serve_args args = {
		.req = (uintptr_t)buf,
		.reply = (uintptr_t)buf,
	};

	for (;;) {
		args.req_len = sizeof(buf);
		args.reply_len = bytes;
		args.flags = 0;
		if (ioctl(fd, XRPC_IOC_SERVE, &args))
			err(1, "XRPC_IOC_SERVE");
		check_len("XRPC_IOC_SERVE", args.req_len);
		answer(buf);
	}
}

static const struct transport transports[] = {
	{ "udp", udp_open, send_recv, udp_serve, false },
	{ "tcp", tcp_open, send_recv, tcp_serve, false },
	{ "tcp-connect", no_open, tcp_connect_call, tcp_connect_serve, true },
	{ "xrpc", xrpc_open, send_recv, xrpc_serve, false },
	{ "xrpc-1sys", xrpc_open, xrpc_ioc_call, xrpc_ioc_serve, false },
};

/* ---- the rounds */

struct samples {
	bool wanted;
	size_t n;
	uint32_t *ns;
};

static struct samples samples[ARRAY_SIZE(transports)];
static const char *server_ns, *client_ns;
static unsigned long rounds = 2000, warmup = 200, passes = 5, divisor = 1;
static bool pin;

static void enter(const char *ns, int cpu)
{
	char path[256];
	cpu_set_t set;
	int fd;

	if (pin) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			err(1, "CPU %d", cpu);
	}
	if (!ns)
		return;
	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
	close(fd);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static pid_t start_server(const struct transport *t)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		enter(server_ns, 1);
		t->serve(ready[1]);
		exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		errx(1, "%s: no server", t->name);
	close(ready[0]);
	return pid;
}

static void run(const struct transport *t, struct samples *s)
{
	unsigned long n = t->one_shot ? rounds / divisor : rounds, i;
	static char req[BYTES_MAX], want[BYTES_MAX], reply[BYTES_MAX];
	pid_t server = start_server(t);
	uint64_t begin, end;
	int fd = t->open();

	for (i = 0; i < bytes; i++)
		req[i] = 'a' + i % 26;
	for (i = 0; i < n + warmup; i++) {
		memcpy(req, &i, sizeof(i));
		memcpy(want, req, bytes);
		answer(want);
		begin = now();
		t->call(fd, req, reply);
		end = now();
		if (memcmp(reply, want, bytes))
			errx(1, "%s: wrong reply in round %lu", t->name, i);
		if (i >= warmup)
			s->ns[s->n++] = end - begin;
	}
	close(fd);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void report(const struct transport *t, struct samples *s)
{
	uint64_t sum = 0;
	size_t i;

	qsort(s->ns, s->n, sizeof(s->ns[0]), compare);
	for (i = 0; i < s->n; i++)
		sum += s->ns[i];
	printf("%s %zu %u %u %u %llu\n", t->name, s->n, s->ns[0],
	       s->ns[s->n / 2], s->ns[s->n * 99 / 100],
	       (unsigned long long)(sum / s->n));
}

static void choose(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(transports); i++) {
		if (!name || !strcmp(name, transports[i].name)) {
			samples[i].wanted = true;
			if (name)
				return;
		}
	}
	if (name)
		errx(2, "%s: no such transport", name);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!n || *end)
		errx(2, "%s: not a number", text);
	return n;
}

int main(int argc, char **argv)
{
	unsigned long pass;
	size_t i;
	int opt;

	addr.s_addr = htonl(INADDR_LOOPBACK);
	while ((opt = getopt(argc, argv, "s:c:a:b:n:w:p:d:P")) != -1) {
		switch (opt) {
		case 's':
			server_ns = optarg;
			break;
		case 'c':
			client_ns = optarg;
			break;
		case 'a':
			if (inet_pton(AF_INET, optarg, &addr) != 1)
				errx(2, "%s: no address", optarg);
			break;
		case 'b':
			bytes = number(optarg);
			break;
		case 'n':
			rounds = number(optarg);
			break;
		case 'w':
			warmup = number(optarg);
			break;
		case 'p':
			passes = number(optarg);
			break;
		case 'd':
			divisor = number(optarg);
			break;
		case 'P':
			pin = true;
			break;
		default:
			return 2;
		}
	}
	if (bytes <= sizeof(long) || bytes > BYTES_MAX)
		errx(2, "bytes: %zu to %d", sizeof(long) + 1, BYTES_MAX);
	if (optind == argc)
		choose(NULL);
	while (optind < argc)
		choose(argv[optind++]);

	enter(client_ns, 0);
	for (i = 0; i < ARRAY_SIZE(transports); i++) {
		/* neither page faults nor copies after a fork are to be timed */
		samples[i].ns = mmap(NULL, passes * rounds * sizeof(uint32_t),
				     PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
				     -1, 0);
		if (samples[i].ns == MAP_FAILED)
			err(1, "memory");
	}
	for (pass = 0; pass < passes; pass++)
		for (i = 0; i < ARRAY_SIZE(transports); i++)
			if (samples[i].wanted)
				run(&transports[i], &samples[i]);
	for (i = 0; i < ARRAY_SIZE(transports); i++)
		if (samples[i].wanted)
			report(&transports[i], &samples[i]);
	return 0;
}
