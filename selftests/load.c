// SPDX-License-Identifier: GPL-2.0
/*
 * load: calls in number, each checked, for the tests that count.
 *
 *	load serve ADDR PORT [LOG]
 *		answers every request with its hash and bytes that follow from
 *		it; writes the id of every request it ran to LOG
 *	load call ADDR PORT CALLS [-t THREADS] [-w WINDOW] [-m MAX] [-f FIRST]
 *		calls of 0 to MAX bytes each way, most of them short; THREADS
 *		share a socket with one-syscall calls, or one thread keeps
 *		WINDOW calls under way with cookies.  Ids begin at FIRST.
 *		Prints a line a thread, exits 0 if every call was replied to
 *		and every reply was right.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xrpc.h>

#define DEADLINE_US	(120 * 1000000ULL)

struct request {
	uint64_t id;
	uint32_t len;		/* of this request */
	uint32_t reply_len;
	uint64_t seed;
};

struct reply {
	uint64_t id;
	uint64_t hash;
};

static struct sockaddr_xrpc addr;
static int calls, threads = 1, window, max_len = 64;
static uint64_t first = 1;
static int sock_fd;

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static uint64_t hash(const void *p, size_t len)
{
	const unsigned char *b = p;
	uint64_t h = len + 1;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	return mix(h);
}

static void fill(unsigned char *p, size_t len, uint64_t seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!(i & 7))
			seed = mix(seed + 1);
		p[i] = seed >> 8 * (i & 7);
	}
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void set_addr(const char *host, const char *port)
{
	addr.sxr_family = AF_XRPC;
	addr.sxr_port = htons(atoi(port));
	if (inet_pton(AF_INET6, host, &addr.sxr_addr) != 1) {
		memset(&addr.sxr_addr, 0, 10);
		memset(addr.sxr_addr.s6_addr + 10, 0xff, 2);
		if (inet_pton(AF_INET, host, addr.sxr_addr.s6_addr + 12) != 1)
			die(host);
	}
}

/* ---- server ---------------------------------------------------------- */

static size_t answer(const unsigned char *req, size_t len, unsigned char *out,
		     FILE *log)
{
	struct reply *rep = (void *)out;
	struct request r;

	if (len < sizeof(r)) {
		if (log)
			fprintf(log, "short\n");
		return 0;
	}
	memcpy(&r, req, sizeof(r));
	if (log)
		fprintf(log, "%llu\n", (unsigned long long)r.id);
	if (r.reply_len < sizeof(*rep) || r.reply_len > XRPC_MSG_MAX)
		return 0;
	rep->id = r.id;
	rep->hash = hash(req, len);
	fill(out + sizeof(*rep), r.reply_len - sizeof(*rep), rep->hash);
	return r.reply_len;
}

static int serve(const char *log_name)
{
	static unsigned char req[XRPC_MSG_MAX], out[XRPC_MSG_MAX];
	struct xrpc_serve_args a = {};
	FILE *log = NULL;

	if (log_name) {
		log = fopen(log_name, "a");
		if (!log)
			die(log_name);
		setlinebuf(log);
	}
	if (bind(sock_fd, (void *)&addr, sizeof(addr)))
		die("bind");
	for (;;) {
		a.req = (uintptr_t)req;
		a.req_len = sizeof(req);
		a.reply = (uintptr_t)out;
		a.flags = 0;
		if (ioctl(sock_fd, XRPC_IOC_SERVE, &a)) {
			if (errno == ESHUTDOWN)
				return 0;
			if (errno != ECANCELED && errno != ETIMEDOUT &&
			    errno != EINTR)
				die("serve");
			a.call = 0;
			a.reply_len = 0;
			continue;
		}
		a.reply_len = answer(req, a.req_len, out, log);
	}
}

/* ---- client ---------------------------------------------------------- */

/* A length below the limit: mostly short, some long, zero now and then. */
static uint32_t some_len(uint64_t r)
{
	unsigned int kind = r % 100;

	r = mix(r);
	if (max_len <= 256)
		return max_len;
	if (kind < 70)
		return r % 200;
	if (kind < 90)
		return r % 4000;
	return r % (max_len + 1);
}

static size_t make_request(unsigned char *buf, uint64_t id,
			   struct request *r)
{
	r->id = id;
	r->seed = mix(id);
	r->len = some_len(r->seed);
	r->reply_len = some_len(mix(r->seed));
	if (r->reply_len && r->reply_len < sizeof(struct reply))
		r->reply_len = sizeof(struct reply);
	if (!r->len)
		return 0;
	if (r->len < sizeof(*r))
		r->len = sizeof(*r);
	memcpy(buf, r, sizeof(*r));
	fill(buf + sizeof(*r), r->len - sizeof(*r), r->seed);
	return r->len;
}

/* What is wrong with a reply, or NULL. */
static const char *judge(const unsigned char *req, const struct request *r,
			 const unsigned char *rep, size_t len)
{
	static __thread unsigned char want[XRPC_MSG_MAX];
	size_t n = answer(req, r->len, want, NULL);

	if (n != len)
		return "length";
	return memcmp(want, rep, n) ? "content" : NULL;
}

static void *caller(void *arg)
{
	unsigned char *req = malloc(XRPC_MSG_MAX), *rep = malloc(XRPC_MSG_MAX);
	long nr = (long)arg, failed = 0;
	const char *wrong;
	struct request r;
	int i;

	for (i = nr; i < calls; i += threads) {
		size_t len = make_request(req, first + i, &r);
		struct xrpc_call_args a = {
			.req = (uintptr_t)req,
			.req_len = len,
			.reply = (uintptr_t)rep,
			.reply_len = XRPC_MSG_MAX,
			.deadline = calls > 64 && max_len <= 256 ? 0 :
				    DEADLINE_US,
		};

		if (ioctl(sock_fd, XRPC_IOC_CALL, &a)) {
			printf("call %llu: %s, outcome %u\n",
			       (unsigned long long)r.id, strerror(errno),
			       a.outcome);
			failed++;
			continue;
		}
		wrong = judge(req, &r, rep, a.reply_len);
		if (wrong) {
			printf("call %llu: wrong %s\n",
			       (unsigned long long)r.id, wrong);
			failed++;
		}
	}
	free(req);
	free(rep);
	return (void *)failed;
}

static void send_one(int i, unsigned char *buf)
{
	char control[CMSG_SPACE(8)] = {};
	struct request r;
	struct iovec iov = { buf, make_request(buf, first + i, &r) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	uint64_t cookie = i + 1;

	c->cmsg_level = SOL_XRPC;
	c->cmsg_type = XRPC_COOKIE;
	c->cmsg_len = CMSG_LEN(8);
	memcpy(CMSG_DATA(c), &cookie, 8);
	if (sendmsg(sock_fd, &m, 0) < 0)
		die("sendmsg");
}

/* Fetch one result.  Returns whether it is a right reply. */
static bool fetch_one(unsigned char *req, unsigned char *rep)
{
	char control[256];
	struct iovec iov = { rep, XRPC_MSG_MAX };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct xrpc_result res = { .outcome = XRPC_UNKNOWN };
	uint64_t cookie = 0;
	const char *wrong;
	struct cmsghdr *c;
	struct request r;
	ssize_t n;

	n = recvmsg(sock_fd, &m, 0);
	if (n < 0)
		die("recvmsg");
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == XRPC_COOKIE)
			memcpy(&cookie, CMSG_DATA(c), 8);
		else if (c->cmsg_type == XRPC_OUTCOME)
			memcpy(&res, CMSG_DATA(c), sizeof(res));
	}
	make_request(req, first + cookie - 1, &r);
	if (res.outcome != XRPC_REPLIED) {
		printf("call %llu: %s, outcome %u\n",
		       (unsigned long long)r.id, strerror(res.error),
		       res.outcome);
		return false;
	}
	wrong = judge(req, &r, rep, n);
	if (wrong)
		printf("call %llu: wrong %s\n", (unsigned long long)r.id,
		       wrong);
	return !wrong;
}

static long windowed(void)
{
	unsigned char *req = malloc(XRPC_MSG_MAX), *rep = malloc(XRPC_MSG_MAX);
	int sent = 0, done = 0, one = 1;
	long failed = 0;

	if (setsockopt(sock_fd, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one)))
		die("RECVINFO");
	for (; sent < calls && sent < window; sent++)
		send_one(sent, req);
	while (done < calls) {
		failed += !fetch_one(req, rep);
		done++;
		if (sent < calls)
			send_one(sent++, req);
	}
	free(req);
	free(rep);
	return failed;
}

static long threaded(void)
{
	pthread_t *t = calloc(threads, sizeof(*t));
	long failed = 0;
	void *ret;
	long i;

	for (i = 0; i < threads; i++) {
		if (pthread_create(&t[i], NULL, caller, (void *)i))
			die("pthread_create");
	}
	for (i = 0; i < threads; i++) {
		pthread_join(t[i], &ret);
		failed += (long)ret;
	}
	free(t);
	return failed;
}

static int call(int argc, char **argv)
{
	long failed;
	int c;

	while ((c = getopt(argc, argv, "t:w:m:f:")) >= 0) {
		switch (c) {
		case 't':
			threads = atoi(optarg);
			break;
		case 'w':
			window = atoi(optarg);
			break;
		case 'm':
			max_len = atoi(optarg);
			break;
		case 'f':
			first = strtoull(optarg, NULL, 0);
			break;
		default:
			return 2;
		}
	}
	if (connect(sock_fd, (void *)&addr, sizeof(addr)))
		die("connect");
	failed = window ? windowed() : threaded();
	printf("%d calls, %ld failed\n", calls, failed);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: load serve|call ADDR PORT ...\n");
		return 2;
	}
	setlinebuf(stdout);
	set_addr(argv[2], argv[3]);
	sock_fd = socket(AF_XRPC, SOCK_RDM, 0);
	if (sock_fd < 0)
		die("socket");
	if (!strcmp(argv[1], "serve"))
		return serve(argc > 4 ? argv[4] : NULL);
	if (argc < 5)
		return 2;
	calls = atoi(argv[4]);
	return call(argc - 4, argv + 4);
}
