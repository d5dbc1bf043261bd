// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * What the two ioctls write into their arguments: answers, and nothing but
 * answers, however they end.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "infos.h"
#include "poison.h"

#define PORT	4310

static unsigned char out[256];

/* Every field set to something: what is no answer must stay. */
static struct xrpc_call_args call_args(unsigned char pattern)
{
	struct xrpc_call_args a;

	memset(&a, pattern, sizeof(a));
	memset(out, pattern, sizeof(out));
	a.req = (uintptr_t)"request";
	a.req_len = 7;
	a.reply = (uintptr_t)out;
	a.reply_len = 64;
	a.addr = 0;
	a.deadline = 0;
	a.flags = 0;
	a.method = 5;
	memset(a.reserved, 0, sizeof(a.reserved));
	return a;
}

/* A call that fails so, and changes nothing but outcome and error. */
static void bad_call(const char *what, int fd, struct xrpc_call_args a,
		     int err, unsigned int outcome)
{
	unsigned char pattern = out[0];
	struct xrpc_call_args want = a;
	bool good;

	want.outcome = outcome;
	want.error = err;
	errno = 0;
	good = ioctl(fd, XRPC_IOC_CALL, &a) == -1 && errno == err;
	if (!good)
		printf("# errno %d\n", errno);
	ok(good && same(&a, &want, sizeof(a)) &&
	   untouched(out, sizeof(out), pattern), "call: %s", what);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* The last bytes before a page that is not there. */
static unsigned char *edge(void)
{
	unsigned char *p = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p + 4096, 4096);
	return p + 4096;
}

static void *server_thread(void *arg)
{
	int fd = *(int *)arg;
	struct told t;

	while (receive(fd, 0, &t)) {
		uint32_t status = t.method;
		struct info i = { XRPC_STATUS, &status, 4, 0 };

		if (t.oneway || t.canceled || t.method == 99)
			continue;
		if (!t.n)
			break;
		send_infos(fd, &t.from, "the reply", 0, &i, 1);
	}
	return NULL;
}

static void test_bad_calls(int c, int fresh, unsigned char p)
{
	struct sockaddr_xrpc to = at("127.0.0.1", PORT, 4);
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval it = { .it_value.tv_usec = 100000 };
	struct xrpc_call_args a = call_args(p);
	const unsigned int no = XRPC_NOT_EXECUTED;

	a.flags = 0x80;
	bad_call("an unknown flag", c, a, EINVAL, no);
	a.flags = XRPC_CALL_TRUNC;
	bad_call("a flag that is an answer", c, a, EINVAL, no);
	a.flags = 0;
	a.reserved[0] = 1;
	bad_call("the first reserved field", c, a, EINVAL, no);
	a.reserved[0] = 0;
	a.reserved[1] = 1ULL << 63;
	bad_call("the last reserved field", c, a, EINVAL, no);
	a.reserved[1] = 0;
	a.deadline = XRPC_DEADLINE_MAX + 1;
	bad_call("a deadline too far", c, a, EINVAL, no);
	a.deadline = 0;
	a.req = 8;
	bad_call("a request that is not there", c, a, EFAULT, no);
	a.req = 1ULL << 63;
	bad_call("a request in the kernel", c, a, EFAULT, no);
	a = call_args(p);
	a.req = (uintptr_t)edge() - 3;
	bad_call("half a request", c, a, EFAULT, no);
	a = call_args(p);
	a.reply = 1ULL << 63;
	bad_call("a reply into the kernel", c, a, EFAULT, no);
	a = call_args(p);
	a.req_len = XRPC_MSG_MAX + 1;
	bad_call("a request too long", c, a, EMSGSIZE, no);
	a = call_args(p);
	a.addr = 8;
	a.addr_len = ADDR;
	bad_call("an address that is not there", c, a, EFAULT, no);
	a.addr = (uintptr_t)&to;
	a.addr_len = ADDR - 1;
	bad_call("a short address", c, a, EINVAL, no);
	a.addr_len = ADDR + 8;
	bad_call("a long address", c, a, EINVAL, no);
	a.addr_len = ADDR;
	to.sxr_reserved = 1;
	bad_call("an address with a reserved field", c, a, EINVAL, no);
	to.sxr_reserved = 0;
	to.sxr_call = 1;
	bad_call("an address with a handle", c, a, EINVAL, no);
	to.sxr_call = 0;
	to.sxr_family = AF_INET;
	bad_call("another family", c, a, EAFNOSUPPORT, no);
	to.sxr_family = AF_XRPC;
	bad_call("no such service", c, a, ECONNREFUSED, no);
	a = call_args(p);
	bad_call("no destination", fresh, a, EDESTADDRREQ, no);
	a.method = 99;
	a.deadline = 50000;
	bad_call("a deadline that passes", c, a, ETIMEDOUT, XRPC_UNKNOWN);
	a.deadline = 0;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	bad_call("a signal", c, a, EINTR, XRPC_UNKNOWN);
}

static void test_call_args(void)
{
	struct sockaddr_xrpc to = at("127.0.0.1", PORT, 3);
	int s = server_at(to), c = client_to(to), fresh = xrpc_socket();
	struct xrpc_call_args a, want, *cut;
	unsigned char *end = edge();
	bool good = true;
	unsigned int i;
	pthread_t t;
	uint32_t n;

	recvinfo(s);
	pthread_create(&t, NULL, server_thread, &s);
	for (i = 0; i < 2; i++) {
		unsigned char p = patterns[i];

		test_bad_calls(c, fresh, p);
		for (n = 0; n < 32; n++) {
			uint32_t fits = n < 9 ? n : 9;

			a = call_args(p);
			a.reply_len = n;
			if (n & 1) {
				a.addr = (uintptr_t)&to;
				a.addr_len = ADDR;
			}
			want = a;
			want.reply_len = 9;
			want.status = 5;
			want.outcome = XRPC_REPLIED;
			want.error = 0;
			want.flags = n < 9 ? XRPC_CALL_TRUNC : 0;
			good &= !ioctl(c, XRPC_IOC_CALL, &a) &&
				same(&a, &want, sizeof(a)) &&
				same(out, "the reply", fits) &&
				untouched(out + fits, sizeof(out) - fits, p);
		}
	}
	ok(good, "call: a reply in room of every length");

	a = call_args(patterns[0]);
	a.reply = (uintptr_t)end - 4;
	want = a;
	want.reply_len = 9;
	want.status = 5;
	want.outcome = XRPC_REPLIED;
	want.error = EFAULT;
	ok(ioctl(c, XRPC_IOC_CALL, &a) == -1 && errno == EFAULT &&
	   same(&a, &want, sizeof(a)),
	   "call: a reply that cannot be written is told as replied");

	cut = (void *)(end - sizeof(a) + 8);
	memset(cut, patterns[0], sizeof(a) - 8);
	ok(ioctl(c, XRPC_IOC_CALL, cut) == -1 && errno == EFAULT &&
	   untouched(cut, sizeof(a) - 8, patterns[0]) &&
	   ioctl(s, XRPC_IOC_SERVE, cut) == -1 && errno == EFAULT &&
	   untouched(cut, sizeof(a) - 8, patterns[0]),
	   "arguments half there are left alone");
	send(c, "", 0, 0);
	pthread_join(t, NULL);
	close(s);
	close(c);
	close(fresh);
}

static struct sockaddr_xrpc source;

static struct xrpc_serve_args serve_args(unsigned char pattern)
{
	struct xrpc_serve_args a;

	memset(&a, pattern, sizeof(a));
	memset(out, pattern, sizeof(out));
	memset(&source, pattern, sizeof(source));
	a.call = 0;
	a.reply = (uintptr_t)"reply";
	a.reply_len = 5;
	a.req = (uintptr_t)out;
	a.req_len = 64;
	a.addr = (uintptr_t)&source;
	a.addr_len = ADDR;
	a.flags = XRPC_SERVE_DONTWAIT;
	memset(a.reserved, 0, sizeof(a.reserved));
	return a;
}

/* Serving fails so, and changes nothing but the flags. */
static void bad_serve(const char *what, int fd, struct xrpc_serve_args a,
		      int err, uint32_t flags)
{
	unsigned char pattern = out[0];
	struct xrpc_serve_args want = a;
	bool good;

	want.flags = flags;
	if (flags & XRPC_SERVE_ANSWERED)
		want.call = 0;
	errno = 0;
	good = ioctl(fd, XRPC_IOC_SERVE, &a) == -1 && errno == err;
	if (!good)
		printf("# errno %d\n", errno);
	ok(good && same(&a, &want, sizeof(a)) &&
	   untouched(out, sizeof(out), pattern) &&
	   untouched(&source, sizeof(source), pattern), "serve: %s", what);
}

/* Serving gives this. */
static bool served(int fd, struct xrpc_serve_args a, const char *text,
		   uint64_t deadline, uint32_t method, uint32_t flags,
		   const struct sockaddr_xrpc *from)
{
	struct sockaddr_xrpc src = *from;
	unsigned char pattern = out[0];
	struct xrpc_serve_args want = a;
	uint32_t len = strlen(text), fits;

	fits = len < a.req_len ? len : a.req_len;
	if (ioctl(fd, XRPC_IOC_SERVE, &a))
		return false;
	src.sxr_call = a.call;
	want.call = a.call;
	want.req_len = len;
	want.method = method;
	want.flags = flags;
	want.deadline = a.deadline;
	if (deadline ? !a.deadline || a.deadline > deadline : a.deadline)
		return false;
	if (!a.call != !from->sxr_call)
		return false;
	if (want.addr ? !same(&source, &src, ADDR) :
			!untouched(&source, ADDR, pattern))
		return false;
	return same(&a, &want, sizeof(a)) && same(out, text, fits) &&
	       untouched(out + fits, sizeof(out) - fits, pattern);
}

static void test_bad_serves(int s, unsigned char p)
{
	struct xrpc_serve_args a = serve_args(p);

	bad_serve("nothing there", s, a, EAGAIN, 0);
	a.flags = 0x80;
	bad_serve("an unknown flag", s, a, EINVAL, 0x80);
	a.flags = XRPC_SERVE_ANSWERED;
	bad_serve("a flag that is an answer", s, a, EINVAL,
		  XRPC_SERVE_ANSWERED);
	a.flags = XRPC_SERVE_DONTWAIT;
	a.reserved[0] = 1;
	bad_serve("the first reserved field", s, a, EINVAL, a.flags);
	a.reserved[0] = 0;
	a.reserved[1] = 1;
	bad_serve("the last reserved field", s, a, EINVAL, a.flags);
	a.reserved[1] = 0;
	a.addr_len = ADDR - 1;
	bad_serve("a short room for the address", s, a, EINVAL, a.flags);
	a.addr_len = ADDR;
	a.call = 1;
	bad_serve("an invented handle", s, a, EINVAL, 0);
	a.call = ~0ULL;
	bad_serve("the last of all handles", s, a, EINVAL, 0);
	a.call = 0;
	a.req = 1ULL << 63;
	bad_serve("a request into the kernel", s, a, EFAULT, 0);
}

static void test_serve_args(void)
{
	struct sockaddr_xrpc to = at("127.0.0.1", PORT, 5), from;
	int s = server_at(to), c = client_to(to), c2, i;
	uint64_t us = 9000000, cookie = 3, call;
	uint32_t method = 77, n;
	struct info info[] = {
		{ XRPC_METHOD, &method, 4, 0 },
		{ XRPC_DEADLINE, &us, 8, 0 },
	};
	struct info named = { XRPC_COOKIE, &cookie, 8, 0 };
	struct info cancel = { XRPC_CANCEL, &cookie, 8, 0 };
	struct info one = { XRPC_ONEWAY, NULL, 0, 0 };
	struct xrpc_serve_args a;
	unsigned char *end = edge();
	bool good = true;
	struct told t;
	char buf[16];

	from = name_of(c);
	from.sxr_addr = to.sxr_addr;
	from.sxr_service = 5;
	from.sxr_call = 1;
	recvinfo(s);
	for (i = 0; i < 2; i++) {
		unsigned char p = patterns[i];

		test_bad_serves(s, p);
		for (n = 0; n < 16; n++) {
			send_infos(c, NULL, "request", 0, info, 2);
			ready(s, POLLIN, 5000);
			a = serve_args(p);
			a.req_len = n;
			if (n & 1)
				a.addr = 0;
			good &= served(s, a, "request", us, method,
				       n < 7 ? XRPC_SERVE_TRUNC : 0, &from);
		}
	}
	ok(good, "serve: a request in room of every length");

	send(c, "request", 7, 0);
	ready(s, POLLIN, 5000);
	a = serve_args(patterns[0]);
	a.req = 8;
	bad_serve("room that is not there", s, a, EFAULT, 0);
	a = serve_args(patterns[0]);
	a.req = (uintptr_t)end - 3;
	bad_serve("half the room", s, a, EFAULT, 0);
	ok(served(s, serve_args(patterns[0]), "request", 0, 0, 0, &from),
	   "serve: it can be had again, without method and deadline");
	call = source.sxr_call;

	a = serve_args(patterns[1]);
	a.call = call;
	a.reply = 8;
	bad_serve("a reply that is not there", s, a, EFAULT, 0);
	a.reply = (uintptr_t)"reply";
	a.reply_len = XRPC_MSG_MAX + 1;
	bad_serve("a reply too long", s, a, EMSGSIZE, 0);
	a.reply_len = 5;
	bad_serve("answered, and nothing next", s, a, EAGAIN,
		  XRPC_SERVE_ANSWERED);
	bad_serve("answered before", s, a, EALREADY, 0);
	ok(recv(c, buf, sizeof(buf), 0) == 5, "serve: the answer went out");

	send(c, "first", 5, 0);
	receive(s, 0, &t);
	send(c, "next", 4, 0);
	ready(s, POLLIN, 5000);
	a = serve_args(patterns[0]);
	a.call = t.from.sxr_call;
	ok(served(s, a, "next", 0, 0, XRPC_SERVE_ANSWERED, &from),
	   "serve: an answer and the next request");
	recv(c, buf, sizeof(buf), 0);

	send_infos(c, NULL, "gone", 0, &named, 1);
	receive(s, 0, &t);
	send_infos(c, NULL, "", 0, &cancel, 1);
	ready(s, POLLIN, 5000);
	ok(served(s, serve_args(patterns[0]), "", 0, 0, XRPC_SERVE_CANCELED,
		  &from) && source.sxr_call == t.from.sxr_call,
	   "serve: a request given up");
	a = serve_args(patterns[1]);
	a.call = t.from.sxr_call;
	bad_serve("an answer to it", s, a, ECANCELED, 0);
	recv(c, buf, sizeof(buf), 0);

	from.sxr_call = 0;
	send_infos(c, NULL, "note", 0, &one, 1);
	ready(s, POLLIN, 5000);
	ok(served(s, serve_args(patterns[1]), "note", 0, 0,
		  XRPC_SERVE_ONEWAY, &from), "serve: a one-way message");

	/* a server that is a client as well */
	c2 = server_at(at("127.0.0.1", PORT, 6));
	to.sxr_service = 6;
	sendto(s, "x", 1, 0, (void *)&to, sizeof(to));
	receive(c2, 0, &t);
	give_answer(c2, "y", 1, &t.from);
	ready(s, POLLIN, 5000);
	bad_serve("a reply is next", s, serve_args(patterns[0]), EPROTO, 0);
	receive(s, 0, &t);
	close(c2);

	shutdown(s, SHUT_RD);
	bad_serve("no more requests", s, serve_args(patterns[0]), ESHUTDOWN,
		  0);
	close(c);
	close(s);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	test_call_args();
	test_serve_args();
	return tap_end();
}
