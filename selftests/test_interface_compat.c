// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=120
 *
 * A 32-bit program's system calls, made from this one: the ioctls, and control
 * messages both ways.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "infos.h"
#include "poison.h"

#ifdef __x86_64__

#define PORT	4800

/* Numbers of i386. */
#define NR_GETPID	20
#define NR_IOCTL	54
#define NR_SENDMSG	370
#define NR_RECVMSG	372

static long int80(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c)
		     : "memory", "r8", "r9", "r10", "r11");
	if (ret > -4096 && ret < 0) {
		errno = -ret;
		return -1;
	}
	return ret;
}

/* What 32-bit programs have. */
struct iovec32 {
	uint32_t base, len;
};

struct msghdr32 {
	uint32_t name;
	int32_t namelen;
	uint32_t iov, iovlen, control, controllen, flags;
};

struct cmsghdr32 {
	uint32_t len;
	int32_t level, type;
};

/* All that the kernel is shown, below 4 GB. */
static struct {
	struct xrpc_call_args call;
	struct xrpc_serve_args serve;
	struct sockaddr_xrpc addr;
	struct iovec32 iov;
	struct msghdr32 msg;
	unsigned char control[128];
	char text[64];
} *low;

#define PTR(p)	((uint32_t)(uintptr_t)(p))

static bool has_int80(void)
{
	int st;
	pid_t pid = fork();

	if (!pid)
		_exit(int80(NR_GETPID, 0, 0, 0) != getpid());
	waitpid(pid, &st, 0);
	return WIFEXITED(st) && !WEXITSTATUS(st);
}

static void *serve_one(void *arg)
{
	struct told t;

	receive(*(int *)arg, 0, &t);
	give_answer(*(int *)arg, "reply", 5, &t.from);
	return t.method == 3 && !strcmp(t.text, "request") ? NULL : (void *)1;
}

static void test_ioctls(int s, int c)
{
	char buf[16];
	pthread_t t;
	void *bad;

	recvinfo(s);
	pthread_create(&t, NULL, serve_one, &s);
	strcpy(low->text, "request");
	memset(&low->call, 0, sizeof(low->call));
	low->call.req = PTR(low->text);
	low->call.req_len = 7;
	low->call.reply = PTR(low->text);
	low->call.reply_len = 32;
	low->call.method = 3;
	ok(!int80(NR_IOCTL, c, XRPC_IOC_CALL, PTR(&low->call)) &&
	   low->call.reply_len == 5 && low->call.outcome == XRPC_REPLIED &&
	   !memcmp(low->text, "reply", 5), "XRPC_IOC_CALL");
	pthread_join(t, &bad);
	ok(!bad, "the server got what was sent");
	low->call.reserved[1] = 1;
	fails(int80(NR_IOCTL, c, XRPC_IOC_CALL, PTR(&low->call)), EINVAL,
	      "a reserved field");
	fails(int80(NR_IOCTL, c, XRPC_IOC_CALL, 8), EFAULT, "no arguments");
	low->call.reserved[1] = 0;
	low->call.req = 1ULL << 32 | PTR(low->text);
	fails(int80(NR_IOCTL, c, XRPC_IOC_CALL, PTR(&low->call)), EFAULT,
	      "a pointer of more than 32 bits");
	fails(int80(NR_IOCTL, c, 0xdead, PTR(&low->call)), ENOTTY,
	      "an unknown ioctl");

	send(c, "asked", 5, 0);
	ready(s, POLLIN, 1000);
	memset(&low->serve, 0, sizeof(low->serve));
	low->serve.req = PTR(low->text);
	low->serve.req_len = 32;
	low->serve.addr = PTR(&low->addr);
	low->serve.addr_len = sizeof(low->addr);
	low->serve.flags = XRPC_SERVE_DONTWAIT;
	ok(!int80(NR_IOCTL, s, XRPC_IOC_SERVE, PTR(&low->serve)) &&
	   low->serve.call && low->serve.req_len == 5 &&
	   low->addr.sxr_call == low->serve.call &&
	   !memcmp(low->text, "asked", 5), "XRPC_IOC_SERVE");
	low->serve.reply = PTR(low->text);
	low->serve.reply_len = 2;
	low->serve.flags = XRPC_SERVE_DONTWAIT;
	ok(int80(NR_IOCTL, s, XRPC_IOC_SERVE, PTR(&low->serve)) == -1 &&
	   errno == EAGAIN && low->serve.flags == XRPC_SERVE_ANSWERED &&
	   recv(c, buf, 16, 0) == 2, "it answers");
}

/* One control message to be sent. */
static void put32(int type, const void *data, uint32_t len)
{
	struct cmsghdr32 *h = (void *)low->control;

	memset(low->control, 0, sizeof(low->control));
	h->len = sizeof(*h) + len;
	h->level = SOL_XRPC;
	h->type = type;
	memcpy(h + 1, data, len);
	low->iov = (struct iovec32){ PTR(low->text), 3 };
	low->msg = (struct msghdr32){ .iov = PTR(&low->iov), .iovlen = 1,
				      .control = PTR(low->control),
				      .controllen = (h->len + 3) & ~3U };
}

/* The control messages received are these two. */
static bool got32(unsigned char p, int type1, const void *v1, uint32_t len1,
		  int type2, const void *v2, uint32_t len2)
{
	unsigned char want[128];
	struct cmsghdr32 h[2] = {
		{ sizeof(*h) + len1, SOL_XRPC, type1 },
		{ sizeof(*h) + len2, SOL_XRPC, type2 },
	};
	uint32_t at = 0;

	memset(want, p, sizeof(want));
	memcpy(want, &h[0], sizeof(*h));
	memcpy(want + sizeof(*h), v1, len1);
	at = (h[0].len + 3) & ~3U;
	memcpy(want + at, &h[1], sizeof(*h));
	memcpy(want + at + sizeof(*h), v2, len2);
	at += (h[1].len + 3) & ~3U;
	return low->msg.controllen == at &&
	       same(low->control, want, sizeof(want));
}

static void room32(unsigned char p)
{
	memset(low->control, p, sizeof(low->control));
	memset(&low->addr, p, sizeof(low->addr));
	low->iov = (struct iovec32){ PTR(low->text), sizeof(low->text) };
	low->msg = (struct msghdr32){ .name = PTR(&low->addr),
				      .namelen = sizeof(low->addr),
				      .iov = PTR(&low->iov), .iovlen = 1,
				      .control = PTR(low->control),
				      .controllen = sizeof(low->control) };
}

static void test_controls(int s, int c)
{
	uint64_t cookie = 0x1122334455667788ULL, us = 5000000;
	struct xrpc_result replied = { XRPC_REPLIED, 0 };
	uint32_t method = 77, status = 5;
	struct sockaddr_xrpc from;
	unsigned int i;
	struct told t;
	struct info st = { XRPC_STATUS, &status, 4, 0 };
	struct info all[] = { { XRPC_METHOD, &method, 4, 0 },
			      { XRPC_DEADLINE, &us, 8, 0 } };

	put32(XRPC_METHOD, &method, 4);
	ok(int80(NR_SENDMSG, c, PTR(&low->msg), 0) == 3 && receive(s, 0, &t) &&
	   t.method == 77, "a method is sent");
	give_answer(s, "", 0, &t.from);
	recv(c, &t, 1, 0);
	put32(XRPC_METHOD, &method, 8);
	fails(int80(NR_SENDMSG, c, PTR(&low->msg), 0), EINVAL,
	      "one of another length is not");
	put32(99, &method, 4);
	fails(int80(NR_SENDMSG, c, PTR(&low->msg), 0), EINVAL,
	      "nor an unknown type");

	recvinfo(c);
	for (i = 0; i < 2; i++) {
		unsigned char p = patterns[i];

		put32(XRPC_COOKIE, &cookie, 8);
		int80(NR_SENDMSG, c, PTR(&low->msg), 0);
		receive(s, 0, &t);
		send_infos(s, &t.from, "x", 0, NULL, 0);
		ready(c, POLLIN, 1000);
		room32(p);
		/* no status was sent, and 0 is told */
		status = 0;
		ok(int80(NR_RECVMSG, c, PTR(&low->msg), MSG_PEEK) == 1 &&
		   low->msg.namelen == ADDR && !low->addr.sxr_call,
		   "a reply is received");
		room32(p);
		low->msg.controllen = 2 * sizeof(struct cmsghdr32) + 8 + 4;
		int80(NR_RECVMSG, c, PTR(&low->msg), 0);
		ok(got32(p, XRPC_COOKIE, &cookie, 8, XRPC_STATUS, &status,
			 4) && low->msg.flags & MSG_CTRUNC,
		   "with cookie and status, in room for two");

		send_infos(c, NULL, "y", 0, all, 2);
		ready(s, POLLIN, 1000);
		room32(p);
		int80(NR_RECVMSG, s, PTR(&low->msg), 0);
		from = low->addr;
		memcpy(&us, low->control + 16 + 12, 8);
		ok(us && us <= 5000000 &&
		   got32(p, XRPC_METHOD, &method, 4, XRPC_DEADLINE, &us, 8),
		   "a request with method and deadline");
		status = 5;
		st.data = &status;
		send_infos(s, &from, "z", 0, &st, 1);
		ready(c, POLLIN, 1000);
		room32(p);
		int80(NR_RECVMSG, c, PTR(&low->msg), 0);
		ok(got32(p, XRPC_STATUS, &status, 4, XRPC_OUTCOME, &replied,
			 8), "its reply with status and outcome");
		us = 5000000;
	}
}

int main(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, 0);
	int s, c;

	tap_begin();
	s = server_at(a);
	c = client_to(a);
	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED || !has_int80()) {
		printf("1..0 # SKIP no 32-bit system calls here\n");
		return 4;
	}
	test_ioctls(s, c);
	test_controls(s, c);
	close(s);
	close(c);
	return tap_end();
}

#else

int main(void)
{
	printf("1..0 # SKIP an x86 test\n");
	return 4;
}

#endif
