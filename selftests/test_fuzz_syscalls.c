// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=smp kernels=6.1,debug threads=multi timeout=600
 *
 * System calls at random, right ones and wrong ones: lengths, pointers, control
 * messages, levels, flags, reserved fields, handles that were altered; threads
 * that share their descriptors and close, poll, answer and shut down under each
 * other; signals in the middle.  Processes are begun and ended all the time.
 *
 * FUZZ_SECONDS says for how long (60), FUZZ_SEED where the numbers begin; for
 * half an hour on the debug kernel:
 *
 *	qemu/run --kernel debug --threads multi --timeout 2400 \
 *		--env FUZZ_SECONDS=1800 -- ./test_fuzz_syscalls
 *
 * Whatever is called, nothing is written past the room that was given, every
 * thread comes back from the kernel, and in the end calls work and nothing is
 * left.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "fuzz.h"
#include "tap.h"

#define PORT		4400		/* the first of those fuzzed */
#define PORTS		4
#define ECHO_PORT	4410		/* who answers all the time */
#define FDS		10
#define THREADS		6
#define PROCESSES	2
#define LIFE		5		/* seconds of a process */
#define ROOM		(XRPC_MSG_MAX + 4096)
#define CANARY		0xa5

enum op {
	OP_SOCKET, OP_BIND, OP_CONNECT, OP_SEND, OP_SENDMSG, OP_SENDMMSG,
	OP_ANSWER, OP_RECV, OP_RECVMSG, OP_RECVMMSG, OP_CALL, OP_SERVE,
	OP_IOCTL, OP_SETSOCKOPT, OP_GETSOCKOPT, OP_NAME, OP_POLL, OP_EPOLL,
	OP_SHUTDOWN, OP_DUP, OP_CLOSE, OP_FORK, OP_FCNTL, OP_RDWR, OP_OTHER,
	OPS
};

static const char * const op_names[OPS] = {
	"socket", "bind", "connect", "send", "sendmsg", "sendmmsg", "answer",
	"recv", "recvmsg", "recvmmsg", "call", "serve", "ioctl", "setsockopt",
	"getsockopt", "name", "poll", "epoll", "shutdown", "dup", "close",
	"fork", "fcntl", "read/write", "other"
};

/* How often each is called, out of all. */
static const uint8_t weights[OPS] = {
	[OP_SOCKET] = 6, [OP_BIND] = 4, [OP_CONNECT] = 8, [OP_SEND] = 10,
	[OP_SENDMSG] = 12, [OP_SENDMMSG] = 3, [OP_ANSWER] = 12, [OP_RECV] = 20,
	[OP_RECVMSG] = 16, [OP_RECVMMSG] = 4, [OP_CALL] = 8, [OP_SERVE] = 20,
	[OP_IOCTL] = 2, [OP_SETSOCKOPT] = 10, [OP_GETSOCKOPT] = 4,
	[OP_NAME] = 3, [OP_POLL] = 5, [OP_EPOLL] = 5, [OP_SHUTDOWN] = 2,
	[OP_DUP] = 2, [OP_CLOSE] = 2, [OP_FORK] = 1, [OP_FCNTL] = 2,
	[OP_RDWR] = 4, [OP_OTHER] = 2,
};

/* What all processes write to. */
static struct shared {
	unsigned long	good[OPS], bad[OPS];
	unsigned long	wrong;
	char		first_wrong[200];
} *shared;

static uint64_t seed = 1;
static volatile sig_atomic_t stop;

static void count(enum op op, long ret)
{
	unsigned long *n = ret < 0 ? shared->bad : shared->good;

	__atomic_add_fetch(&n[op], 1, __ATOMIC_RELAXED);
}

__attribute__((format(printf, 1, 2)))
static void complain(const char *fmt, ...)
{
	va_list ap;

	if (__atomic_add_fetch(&shared->wrong, 1, __ATOMIC_RELAXED) != 1)
		return;
	va_start(ap, fmt);
	vsnprintf(shared->first_wrong, sizeof(shared->first_wrong), fmt, ap);
	va_end(ap);
}

/* ---- what one process has -------------------------------------------- */

static int fds[FDS];
static struct {
	struct sockaddr_xrpc a;		/* source of a request */
	int	fd;			/* that received it */
} handles[64];
static pid_t tids[THREADS];

/* Memory of each thread: what is behind its end is not there. */
static __thread uint8_t *room, *room_end;
static __thread int ep_fd = -1;
static uint8_t *readonly;

static uint8_t *map_room(size_t len, int prot)
{
	uint8_t *p = mmap(NULL, len + 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (p == MAP_FAILED) {
		complain("mmap: %s", strerror(errno));
		_exit(1);
	}
	mprotect(p + len, 4096, PROT_NONE);
	return p;
}

/* A socket, mostly; not where the results go. */
static int some_fd(void)
{
	return below(200) ? fds[below(FDS)] : 3 + (int)below(40);
}

/* A pointer, and whether it is a good one. */
static void *some_ptr(void *good)
{
	switch (below(60)) {
	case 0:
		return NULL;
	case 1:
		return (void *)~0UL;
	case 2:
		return (void *)0xffff888000000000UL;
	case 3:
		return (void *)0x0000800000000000UL;
	case 4:
		return readonly;
	case 5:				/* its end is not there */
		return room_end - below(64);
	case 6:
		return (void *)((uintptr_t)good + 1);
	default:
		return good;
	}
}

static size_t some_len(size_t good)
{
	switch (below(30)) {
	case 0:
		return odd();
	case 1:
		return good + below(9) - 4;
	case 2:
		return below(good + 1);
	case 3:
		return XRPC_MSG_MAX + below(3) - 1;
	default:
		return good;
	}
}

/* Bytes of a message: short ones mostly. */
static size_t some_size(void)
{
	return below(8) ? below(200) : below(16) ? below(9000) :
	       below(XRPC_MSG_MAX + 2);
}

static int some_flags(int usual)
{
	int flags = below(8) ? MSG_DONTWAIT : 0;

	if (!below(10))
		flags |= usual;
	if (!below(60))
		flags |= 1U << below(32);
	return flags;
}

/* A part of an address that is off. */
static void hurt_addr(struct sockaddr_xrpc *a)
{
	uint8_t *b = (uint8_t *)a;

	switch (below(8)) {
	case 0:
		b[below(sizeof(*a))] ^= 1 << below(8);
		break;
	case 1:
		a->sxr_reserved = odd();
		break;
	case 2:
		a->sxr_scope_id = below(3);
		break;
	case 3:
		a->sxr_call = rnd();
		break;
	case 4:
		a->sxr_family = below(20);
		break;
	case 5:
		memset(&a->sxr_addr, below(256), below(17));
		break;
	case 6:
		a->sxr_port = htons(below(3) ? below(65536) : below(1024));
		break;
	case 7:
		a->sxr_service = odd();
		break;
	}
}

static struct sockaddr_xrpc some_addr(void)
{
	static const char * const hosts[] = {
		"127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", "::", "0.0.0.0",
		"fe80::1", "127.0.0.2", "203.0.113.7",
	};
	struct sockaddr_xrpc a;

	a = at(hosts[below(below(4) ? 3 : 9)],
	       below(3) ? PORT + below(PORTS) : ECHO_PORT,
	       below(below(4) ? 1 : 3));
	if (!below(16))
		hurt_addr(&a);
	return a;
}

/* An address to answer to, and mostly the socket that may. */
static struct sockaddr_xrpc some_handle(int *fd)
{
	unsigned int i = below(64);
	struct sockaddr_xrpc a = handles[i].a;

	*fd = below(8) ? handles[i].fd : some_fd();
	if (!below(20))
		hurt_addr(&a);
	if (!below(20))
		a.sxr_call += below(3) - 1;
	return a;
}

/* Kept to be answered by whoever comes, or answered as it should be. */
static void keep_handle(int fd, const struct sockaddr_xrpc *a)
{
	unsigned int i = below(64);

	if (below(2))
		count(OP_ANSWER, sendto(fd, room, below(300), MSG_DONTWAIT,
					(const void *)a, sizeof(*a)));
	handles[i].a = *a;
	handles[i].fd = fd;
}

/* ---- control messages ------------------------------------------------ */

static size_t put_one(uint8_t *at, int level, int type, const void *data,
		      size_t len)
{
	struct cmsghdr *c = (void *)at;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	return CMSG_SPACE(len);
}

/* Control messages of a send, most of them right. */
static size_t some_cmsgs(uint8_t *ctl)
{
	uint64_t v = below(4) ? 1 + below(40) : rnd();
	uint32_t w = below(10), n = below(4);
	size_t len = 0, at;

	while (n--) {
		at = len;
		switch (below(9)) {
		case 0:
		case 1:
			len += put_one(ctl + len, SOL_XRPC, XRPC_COOKIE, &v, 8);
			break;
		case 2:
			len += put_one(ctl + len, SOL_XRPC, XRPC_METHOD, &w, 4);
			break;
		case 3:
			v = below(8) ? 1000 + below(3000000) : v;
			len += put_one(ctl + len, SOL_XRPC, XRPC_DEADLINE, &v,
				       8);
			break;
		case 4:
			len += put_one(ctl + len, SOL_XRPC, XRPC_STATUS, &w, 4);
			break;
		case 5:
			len += put_one(ctl + len, SOL_XRPC, XRPC_REPLAYABLE,
				       "", 0);
			break;
		case 6:
			len += put_one(ctl + len, SOL_XRPC, XRPC_ONEWAY, "",
				       0);
			break;
		case 7:
			len += put_one(ctl + len, SOL_XRPC, XRPC_CANCEL, &v, 8);
			break;
		default:
			len += put_one(ctl + len, below(2) ? SOL_XRPC :
				       SOL_SOCKET, below(12), &v, below(9));
		}
		if (!below(20))
			ctl[at + below(16)] ^= 1 << below(8);
	}
	return below(30) ? len : some_len(len);
}

/* ---- rooms ----------------------------------------------------------- */

/* Room for @n bytes, with what must not be written behind it. */
static uint8_t *guarded(size_t n)
{
	uint8_t *p = room + below(64);

	if (n > XRPC_MSG_MAX + 1024)
		n = XRPC_MSG_MAX + 1024;
	memset(p + n, CANARY, 64);
	return p;
}

static void look_guard(const uint8_t *p, size_t n, const char *what)
{
	size_t i;

	if (n > XRPC_MSG_MAX + 1024)
		return;
	for (i = 0; i < 64; i++) {
		if (p[n + i] == CANARY)
			continue;
		complain("%s wrote past %zu bytes", what, n);
		return;
	}
}

/* ---- the calls ------------------------------------------------------- */

static long do_socket(void)
{
	struct timeval tv = { .tv_usec = 1000 + below(below(8) ? 5000 :
							 100000) };
	unsigned int i = below(FDS);
	uint64_t us = 20000 + below(below(8) ? 200000 : 2000000);
	struct sockaddr_xrpc a = some_addr();
	int fd, was, one = below(2);

	fd = socket(AF_XRPC, (below(20) ? SOCK_RDM : (int)below(11)) |
		    (below(2) ? SOCK_NONBLOCK : 0) |
		    (below(2) ? SOCK_CLOEXEC : 0), below(20) ? 0 : below(300));
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one));
	setsockopt(fd, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
	if (below(2)) {
		one = 1;
		setsockopt(fd, SOL_XRPC, XRPC_REUSEPORT, &one, sizeof(one));
		setsockopt(fd, SOL_XRPC, XRPC_ACCEPT_REPLAYABLE, &one,
			   sizeof(one));
	}
	if (below(2))
		bind(fd, (void *)&a, sizeof(a));
	if (below(2)) {
		a = some_addr();
		connect(fd, (void *)&a, sizeof(a));
	}
	was = __atomic_exchange_n(&fds[i], fd, __ATOMIC_RELAXED);
	if (was > 2)
		close(was);
	return fd;
}

static long do_bind(void)
{
	struct sockaddr_xrpc a = some_addr();

	if (!below(4))
		a.sxr_port = 0;
	return bind(some_fd(), some_ptr(&a), some_len(sizeof(a)));
}

static long do_connect(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_xrpc a = some_addr();

	if (!below(10))
		return connect(some_fd(), &none, below(20));
	return connect(some_fd(), some_ptr(&a), some_len(sizeof(a)));
}

static long do_send(void)
{
	struct sockaddr_xrpc a = some_addr();

	if (below(2))
		return send(some_fd(), some_ptr(room), some_size(),
			    some_flags(MSG_NOSIGNAL));
	return sendto(some_fd(), some_ptr(room), some_len(some_size()),
		      some_flags(MSG_NOSIGNAL), some_ptr(&a),
		      some_len(sizeof(a)));
}

/* How many of @n rooms are said to be there: more only where that is refused. */
static size_t some_iovlen(size_t n)
{
	static const size_t bad[] = {
		0, 1024 + 1, 0x80000000, 0xffffffff, SIZE_MAX,
	};

	return below(40) ? n : bad[below(5)];
}

static void some_msg(struct msghdr *m, struct iovec *v, uint8_t *ctl,
		     struct sockaddr_xrpc *a)
{
	unsigned int n = 1 + below(4), i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < n; i++) {
		v[i].iov_base = some_ptr(room + below(100));
		v[i].iov_len = some_len(some_size() / n);
	}
	m->msg_iov = some_ptr(v);
	m->msg_iovlen = some_iovlen(n);
	if (below(2)) {
		m->msg_name = some_ptr(a);
		m->msg_namelen = some_len(sizeof(*a));
	}
	if (below(3)) {
		m->msg_controllen = some_cmsgs(ctl);
		m->msg_control = some_ptr(ctl);
	}
}

static long do_sendmsg(bool answer)
{
	uint8_t ctl[512] __attribute__((aligned(8))) = {};
	struct sockaddr_xrpc a;
	struct iovec v[4];
	struct msghdr m;
	int fd = some_fd();

	a = answer ? some_handle(&fd) : some_addr();
	some_msg(&m, v, ctl, &a);
	if (answer) {
		m.msg_name = &a;
		m.msg_namelen = sizeof(a);
		if (below(2))
			m.msg_controllen = 0;
	}
	return sendmsg(fd, some_ptr(&m), some_flags(MSG_NOSIGNAL));
}

static long do_sendmmsg(void)
{
	uint8_t ctl[3][512] __attribute__((aligned(8))) = {};
	struct sockaddr_xrpc a[3];
	struct mmsghdr m[3] = {};
	int fd = some_fd(), i;
	struct iovec v[3][4];

	for (i = 0; i < 3; i++) {
		a[i] = below(3) ? some_addr() : some_handle(&fd);
		some_msg(&m[i].msg_hdr, v[i], ctl[i], &a[i]);
	}
	return sendmmsg(fd, some_ptr(m), below(20) ? 3 : odd() % 4,
			some_flags(MSG_NOSIGNAL));
}

static long do_answer(void)
{
	int fd;
	struct sockaddr_xrpc a = some_handle(&fd);

	if (below(3))
		return sendto(fd, some_ptr(room), some_size(),
			      some_flags(MSG_NOSIGNAL), some_ptr(&a),
			      some_len(sizeof(a)));
	return do_sendmsg(true);
}

static long do_recv(void)
{
	size_t n = below(30) ? some_size() : some_len(200);
	struct sockaddr_xrpc a = {};
	socklen_t len = some_len(sizeof(a));
	uint8_t *p = guarded(n), *to = p;
	int flags = some_flags(below(2) ? MSG_PEEK : MSG_TRUNC);
	int fd = some_fd();
	long ret;

	if (n > XRPC_MSG_MAX + 1024)
		n = XRPC_MSG_MAX + 1024;
	if (below(8)) {
		ret = recvfrom(fd, p, n, flags, (void *)&a, &len);
		if (ret >= 0 && len == sizeof(a) && a.sxr_call)
			keep_handle(fd, &a);
	} else {
		to = some_ptr(p);
		ret = recvfrom(fd, to, n, flags,
			       some_ptr(&a), below(4) ? &len : some_ptr(&len));
	}
	if (to == p)
		look_guard(p, n, "recvfrom");
	if (ret > (long)n && !(flags & MSG_TRUNC))
		complain("recvfrom returned %ld of %zu bytes", ret, n);
	return ret;
}

static void rooms(struct msghdr *m, struct iovec *v, uint8_t *ctl,
		  struct sockaddr_xrpc *a, uint8_t *p, size_t n)
{
	memset(m, 0, sizeof(*m));
	v->iov_base = below(20) ? p : some_ptr(p);
	v->iov_len = n;
	m->msg_iov = v;
	m->msg_iovlen = some_iovlen(1);
	m->msg_name = below(8) ? a : some_ptr(NULL);
	m->msg_namelen = some_len(sizeof(*a));
	m->msg_control = some_ptr(ctl);
	m->msg_controllen = below(4) ? 256 : below(257);
}

static long do_recvmsg(void)
{
	uint8_t ctl[256 + 64] __attribute__((aligned(8)));
	struct sockaddr_xrpc a = {};
	size_t n = some_size();
	uint8_t *p = guarded(n);
	int fd = some_fd();
	struct iovec v;
	struct msghdr m, was;
	long ret;

	memset(ctl, CANARY, sizeof(ctl));
	rooms(&m, &v, ctl, &a, p, n);
	was = m;
	ret = recvmsg(fd, some_ptr(&m), some_flags(MSG_PEEK));
	if (was.msg_control == ctl)
		look_guard(ctl, 256, "recvmsg's control messages");
	if (v.iov_base == p)
		look_guard(p, n, "recvmsg");
	if (ret >= 0 && m.msg_name == &a && a.sxr_call)
		keep_handle(fd, &a);
	return ret;
}

static long do_recvmmsg(void)
{
	uint8_t ctl[3][256] __attribute__((aligned(8)));
	struct timespec ts = { .tv_nsec = below(50000000) };
	struct sockaddr_xrpc a[3] = {};
	struct mmsghdr m[3] = {};
	int fd = some_fd(), i;
	struct iovec v[3];
	long ret;

	for (i = 0; i < 3; i++)
		rooms(&m[i].msg_hdr, &v[i], ctl[i], &a[i], room, 100);
	ret = recvmmsg(fd, some_ptr(m), below(20) ? 3 : odd() % 4,
		       some_flags(MSG_WAITFORONE), below(2) ? &ts : NULL);
	for (i = 0; i < ret && i < 3; i++)
		if (a[i].sxr_call)
			keep_handle(fd, &a[i]);
	return ret;
}

static long do_call(void)
{
	struct sockaddr_xrpc a = some_addr();
	size_t n = some_size();
	uint8_t *p = guarded(n);
	struct xrpc_call_args c = {
		.req = (uintptr_t)some_ptr(room), .req_len = some_size(),
		.reply = (uintptr_t)p, .reply_len = n,
		.deadline = 1000 + below(below(8) ? 20000 : 500000),
		.method = below(3),
	}, was;
	long ret;

	if (below(3)) {
		c.addr = (uintptr_t)some_ptr(&a);
		c.addr_len = some_len(sizeof(a));
	}
	if (!below(8))
		c.flags = XRPC_CALL_REPLAYABLE;
	if (!below(30))
		((uint8_t *)&c)[below(sizeof(c))] ^= 1 << below(8);
	was = c;
	if (!below(60))
		return ioctl(some_fd(), XRPC_IOC_CALL, some_ptr(&c));
	ret = ioctl(some_fd(), XRPC_IOC_CALL, &c);
	if (was.reply == (uintptr_t)p && was.reply_len == n)
		look_guard(p, n, "XRPC_IOC_CALL");
	if (errno != ENOTTY && errno != EBADF && errno != ENOTSOCK &&
	    ret < 0 && c.error && c.outcome > XRPC_UNKNOWN)
		complain("a call's outcome is %u", c.outcome);
	if (memcmp(c.reserved, was.reserved, sizeof(c.reserved)))
		complain("a call's reserved fields were written");
	return ret;
}

static long do_serve(void)
{
	struct sockaddr_xrpc a = {};
	size_t n = some_size();
	uint8_t *p = guarded(n);
	struct xrpc_serve_args s = {
		.reply = (uintptr_t)some_ptr(room), .reply_len = some_size(),
		.req = (uintptr_t)p, .req_len = n,
		.addr = below(8) ? (uintptr_t)&a : 0,
		.addr_len = some_len(sizeof(a)),
		.flags = below(3) ? XRPC_SERVE_DONTWAIT : 0,
		.status = below(2),
	}, was;
	int fd = some_fd();
	long ret;

	if (below(2))
		s.call = some_handle(&fd).sxr_call;
	if (!below(30))
		((uint8_t *)&s)[below(sizeof(s))] ^= 1 << below(8);
	was = s;
	if (!below(60))
		return ioctl(fd, XRPC_IOC_SERVE, some_ptr(&s));
	ret = ioctl(fd, XRPC_IOC_SERVE, &s);
	if (was.req == (uintptr_t)p && was.req_len == n)
		look_guard(p, n, "XRPC_IOC_SERVE");
	if (!ret && s.call && s.addr)
		keep_handle(fd, &a);
	return ret;
}

static long do_ioctl(void)
{
	static const unsigned long cmds[] = {
		0x5411 /* TIOCOUTQ */, 0x541b /* FIONREAD */, 0x5421, 0x5452,
		0x8901, 0x8902, 0x8903, 0x8906, 0x8907, 0x8910,
	};
	unsigned long cmd = cmds[below(10)];
	uint64_t v = below(3);

	if (!below(4))
		cmd = XRPC_IOC_CALL ^ 1UL << below(32);
	return ioctl(some_fd(), cmd, some_ptr(&v));
}

static long do_setsockopt(void)
{
	static const int names[] = {
		SO_RCVBUF, SO_SNDBUF, SO_RCVBUF, SO_SNDBUF, SO_RCVTIMEO,
		SO_SNDTIMEO, SO_REUSEPORT, SO_REUSEADDR, SO_MARK, SO_PRIORITY,
		SO_BINDTODEVICE, SO_TIMESTAMP, SO_LINGER, SO_BROADCAST,
		SO_KEEPALIVE, SO_RCVLOWAT, SO_PEEK_OFF, SO_ZEROCOPY, SO_TXTIME,
		SO_BUSY_POLL, SO_INCOMING_CPU, SO_ATTACH_FILTER, SO_PASSCRED,
		SO_RCVBUFFORCE, SO_SNDBUFFORCE,
	};
	union {
		struct timeval tv;
		uint64_t q;
		int i;
		char name[16];
	} v = {};
	int name = names[below(sizeof(names) / sizeof(names[0]))];
	size_t len = sizeof(v.i);

	v.i = below(3) ? below(2) : below(100000);
	if (!below(20))
		v.q = rnd();
	if (name == SO_RCVTIMEO || name == SO_SNDTIMEO) {
		v.tv.tv_sec = 0;
		v.tv.tv_usec = 1 + below(below(8) ? 5000 : 200000);
		len = sizeof(v.tv);
	} else if (name == SO_BINDTODEVICE) {
		strcpy(v.name, below(2) ? "lo" : "");
		len = 16;
	}
	if (below(2)) {
		name = below(7);
		if (name == XRPC_DEFAULT_DEADLINE) {
			v.q = 1000 + below(1000000);
			len = 8;
		}
		return setsockopt(some_fd(), SOL_XRPC, name, some_ptr(&v),
				  some_len(len));
	}
	return setsockopt(some_fd(), below(10) ? SOL_SOCKET : below(300), name,
			  some_ptr(&v), some_len(len));
}

static long do_getsockopt(void)
{
	uint8_t v[64 + 64];
	socklen_t len = below(4) ? 64 : below(65);
	uint8_t *to = some_ptr(v);
	socklen_t *has = below(10) ? &len : some_ptr(&len);
	long ret;

	memset(v, CANARY, sizeof(v));
	ret = getsockopt(some_fd(), below(4) ? SOL_XRPC :
			 below(2) ? SOL_SOCKET : below(300),
			 below(4) ? below(7) : below(80), to, has);
	if (to == v && has == &len)
		look_guard(v, 64, "getsockopt");
	return ret;
}

static long do_name(void)
{
	struct {
		struct sockaddr_xrpc a;
		uint8_t behind[64];
	} n;
	socklen_t len = some_len(sizeof(n.a));
	int fd = some_fd();

	memset(&n, CANARY, sizeof(n));
	if (len > sizeof(n.a))
		len = sizeof(n.a);
	if (below(2))
		return getsockname(fd, some_ptr(&n), some_ptr(&len));
	if (getpeername(fd, (void *)&n, &len))
		return -1;
	look_guard(n.behind, 0, "getpeername");
	return 0;
}

static long do_poll(void)
{
	struct pollfd p[4];
	int i;

	for (i = 0; i < 4; i++) {
		p[i].fd = some_fd();
		p[i].events = below(4) ? POLLIN | POLLOUT : below(65536);
	}
	return poll(some_ptr(p), 4, below(8) ? 0 : below(30));
}

static long do_epoll(void)
{
	struct epoll_event ev = {
		.events = EPOLLIN | (below(2) ? EPOLLOUT : 0) |
			  (below(2) ? EPOLLET : 0) |
			  (below(4) ? 0 : EPOLLONESHOT) |
			  (below(4) ? 0 : EPOLLEXCLUSIVE),
	}, got[4];

	if (ep_fd < 0)
		ep_fd = epoll_create1(0);
	switch (below(4)) {
	case 0:
		return epoll_ctl(ep_fd, EPOLL_CTL_ADD, some_fd(), &ev);
	case 1:
		return epoll_ctl(ep_fd, EPOLL_CTL_MOD, some_fd(), &ev);
	case 2:
		return epoll_ctl(ep_fd, EPOLL_CTL_DEL, some_fd(), NULL);
	default:
		if (epoll_wait(ep_fd, got, 4,
			       below(8) ? 0 : below(30)) >= 0)
			return 0;
		if (errno == EBADF || errno == EINVAL)
			ep_fd = -1;	/* another thread closed it */
		return -1;
	}
}

static long do_dup(void)
{
	int fd = dup(some_fd()), was;

	if (fd < 0)
		return fd;
	was = __atomic_exchange_n(&fds[below(FDS)], fd, __ATOMIC_RELAXED);
	return was > 2 ? close(was) : 0;
}

static long do_close(void)
{
	int fd = below(8) ? __atomic_exchange_n(&fds[below(FDS)], -1,
						__ATOMIC_RELAXED) : some_fd();

	return fd > 2 ? close(fd) : -1;
}

static long do_rdwr(void)
{
	struct iovec v[2] = {
		{ some_ptr(room), some_size() },
		{ some_ptr(room), some_size() / 4 },
	};
	int fd = some_fd();

	/* a blocking one waits for a signal */
	switch (below(4)) {
	case 0:
		return read(fd, some_ptr(room), some_size());
	case 1:
		return write(fd, some_ptr(room), some_size());
	case 2:
		return readv(fd, v, 2);
	default:
		return writev(fd, v, 2);
	}
}

/* What the family does not have, or has no say in. */
static long do_other(void)
{
	struct sockaddr_xrpc a = some_addr();
	socklen_t len = sizeof(a);
	int pair[2], fd = some_fd();

	switch (below(6)) {
	case 0:
		return listen(fd, below(10));
	case 1:
		return accept4(fd, (void *)&a, &len, SOCK_NONBLOCK);
	case 2:
		return socketpair(AF_XRPC, SOCK_RDM, 0, pair);
	case 3:
		return mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) ==
		       MAP_FAILED ? -1 : 0;
	case 4:
		return lseek(fd, 0, SEEK_SET);
	default:
		sched_yield();
		return 0;
	}
}

static long one(enum op op);

static enum op some_op(void)
{
	static unsigned int all;
	unsigned int n = 0, i;

	for (i = 0; !all && i < OPS; i++)
		n += weights[i];
	if (!all)
		all = n;
	n = below(all);
	for (i = 0; n >= weights[i]; i++)
		n -= weights[i];
	return i;
}

/* A process with the same sockets, for a few calls. */
static long do_fork(void)
{
	pid_t pid;
	int i;

	if (below(4))
		return -1;
	pid = fork();
	if (pid)
		return pid;
	alarm(2);
	fuzz_state += below(1000) + getpid();
	for (i = 0; i < 30; i++) {
		enum op op = some_op();

		if (op != OP_FORK)
			one(op);
	}
	_exit(0);
}

static long one(enum op op)
{
	int fd;

	switch (op) {
	case OP_SOCKET:
		return do_socket();
	case OP_BIND:
		return do_bind();
	case OP_CONNECT:
		return do_connect();
	case OP_SEND:
		return do_send();
	case OP_SENDMSG:
		return do_sendmsg(false);
	case OP_SENDMMSG:
		return do_sendmmsg();
	case OP_ANSWER:
		return do_answer();
	case OP_RECV:
		return do_recv();
	case OP_RECVMSG:
		return do_recvmsg();
	case OP_RECVMMSG:
		return do_recvmmsg();
	case OP_CALL:
		return do_call();
	case OP_SERVE:
		return do_serve();
	case OP_IOCTL:
		return do_ioctl();
	case OP_SETSOCKOPT:
		return do_setsockopt();
	case OP_GETSOCKOPT:
		return do_getsockopt();
	case OP_NAME:
		return do_name();
	case OP_POLL:
		return do_poll();
	case OP_EPOLL:
		return do_epoll();
	case OP_SHUTDOWN:
		return shutdown(some_fd(), below(4) ? below(3) : odd());
	case OP_DUP:
		return do_dup();
	case OP_CLOSE:
		return do_close();
	case OP_FORK:
		return do_fork();
	case OP_FCNTL:
		fd = some_fd();
		return fcntl(fd, F_SETFL, below(2) ? O_NONBLOCK : O_ASYNC);
	case OP_RDWR:
		return do_rdwr();
	default:
		return do_other();
	}
}

/* ---- threads and processes ------------------------------------------- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void on_signal(int sig)
{
	(void)sig;
}

static void *worker(void *arg)
{
	long i = (long)arg;
	enum op op;

	fuzz_state = seed * 1000003 + i;
	tids[i] = syscall(SYS_gettid);
	room = map_room(ROOM, PROT_READ | PROT_WRITE);
	room_end = room + ROOM;
	while (!stop) {
		op = some_op();
		count(op, one(op));
	}
	return NULL;
}

/* One process: threads, and signals that get them out of the kernel. */
static int process(uint64_t number, double seconds)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct timespec nap = { .tv_nsec = 4000000 };
	pthread_t t[THREADS];
	double end = now() + seconds;
	int i, left = THREADS;

	seed = seed * 7919 + number;
	fuzz_state = seed;
	/* restarted or not, by turns */
	sa.sa_flags = number % 2 ? SA_RESTART : 0;
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	readonly = map_room(4096, PROT_READ);
	for (i = 0; i < FDS; i++)
		fds[i] = -1;
	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, worker, (void *)(long)i);
	while (now() < end) {
		nanosleep(&nap, NULL);
		if (tids[i = below(THREADS)])
			syscall(SYS_tgkill, getpid(), tids[i], SIGUSR1);
	}
	stop = 1;
	for (end = now() + 30; left && now() < end;) {
		for (i = 0; i < THREADS; i++) {
			if (!t[i])
				continue;
			if (!pthread_tryjoin_np(t[i], NULL)) {
				t[i] = 0;
				left--;
			} else if (tids[i]) {
				syscall(SYS_tgkill, getpid(), tids[i],
					SIGUSR1);
			}
		}
		nanosleep(&nap, NULL);
	}
	/* what is open is closed by the exit */
	return left ? 7 : 0;
}

static void show_stacks(pid_t pid)
{
	char path[300], line[200];
	struct dirent *e;
	DIR *d;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", pid,
			 e->d_name);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			printf("# %s: %s", e->d_name, line);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

/* Processes, one after the other, PROCESSES at a time. */
static void fuzz(int seconds)
{
	double end = now() + seconds, since[PROCESSES] = {};
	pid_t pid[PROCESSES] = {};
	int hung = 0, badly = 0, i, st;
	uint64_t number = 0;

	for (;;) {
		bool any = false;

		for (i = 0; i < PROCESSES; i++) {
			if (pid[i] && waitpid(pid[i], &st, WNOHANG) == pid[i]) {
				pid[i] = 0;
				badly += !WIFEXITED(st) || WEXITSTATUS(st);
				if (!WIFEXITED(st) || WEXITSTATUS(st))
					printf("# a process ended with %#x\n",
					       st);
			}
			if (pid[i] && now() > since[i] + LIFE + 60) {
				show_stacks(pid[i]);
				hung++;
				kill(pid[i], SIGKILL);
				since[i] = now();
			}
			if (!pid[i] && now() < end) {
				number++;
				since[i] = now();
				pid[i] = fork();
				if (!pid[i])
					_exit(process(number, 1 + number %
						      LIFE));
			}
			any |= pid[i];
		}
		if (!any && now() >= end)
			break;
		if (hung > 4)
			break;
		usleep(50000);
	}
	printf("# %llu processes\n", (unsigned long long)number);
	ok(!hung, "every thread came back (%d processes did not)", hung);
	ok(!badly, "and every process ended by itself (%d did not)", badly);
}

/* ---- after it -------------------------------------------------------- */

static void back_to(const char *name, long most)
{
	long left = counter(name);
	int i;

	/* RCU and timers take their time */
	for (i = 0; i < 300 && left > most; i++) {
		usleep(100000);
		left = counter(name);
	}
	ok(left <= most, "%s is what it was (%ld)", name, left);
}

/* Answers all the time, so that calls get their replies. */
static void serve_echo(void)
{
	static char buf[XRPC_MSG_MAX];
	struct xrpc_serve_args a = {};
	int fd, i;

	/* three services, one process */
	for (i = 0; i < 3; i++) {
		if (i < 2 && fork())
			continue;
		fd = server_at(at("127.0.0.1", ECHO_PORT, i));
		for (;;) {
			a.reply = a.req = (uintptr_t)buf;
			a.reply_len = a.req_len;
			a.req_len = sizeof(buf);
			a.flags = 0;
			if (ioctl(fd, XRPC_IOC_SERVE, &a))
				a.call = 0;
		}
	}
}

static int calls_work(void)
{
	char req[3000], rep[3000];
	int i, fd, good = 0;

	fd = client_to(at("127.0.0.1", ECHO_PORT, 0));
	for (i = 0; i < 100; i++) {
		struct xrpc_call_args c = {
			.req = (uintptr_t)req, .req_len = below(sizeof(req)),
			.reply = (uintptr_t)rep, .reply_len = sizeof(rep),
		};
		uint32_t len = c.req_len;

		memset(req, i, len);
		good += !ioctl(fd, XRPC_IOC_CALL, &c) && c.reply_len == len &&
			!memcmp(req, rep, len);
	}
	close(fd);
	return good;
}

int main(void)
{
	int seconds = 60, i, good;
	FILE *f;
	pid_t pid;

	tap_begin();
	if (getenv("FUZZ_SECONDS"))
		seconds = atoi(getenv("FUZZ_SECONDS"));
	if (getenv("FUZZ_SEED"))
		seed = strtoull(getenv("FUZZ_SEED"), NULL, 0);
	fuzz_state = seed;
	printf("# FUZZ_SEED=%llu FUZZ_SECONDS=%d\n", (unsigned long long)seed,
	       seconds);
	close(xrpc_socket());
	f = fopen("/proc/sys/net/xrpc/linger_ms", "w");
	if (f) {
		fprintf(f, "0\n");
		fclose(f);
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		serve_echo();
		_exit(1);
	}
	setpgid(pid, pid);
	usleep(300000);

	fuzz(seconds);
	for (i = 0; i < OPS; i++)
		printf("# %-12s %8lu well, %8lu badly\n", op_names[i],
		       shared->good[i], shared->bad[i]);
	/* else it has only seen refusals, or none */
	for (i = 0, good = 0; i < OPS; i++)
		good += shared->good[i] && shared->bad[i];
	ok(good >= OPS * 3 / 4, "calls went well at times, and badly (%d of %d)",
	   good, OPS);
	ok(!shared->wrong, "nothing was written that should not be: %s",
	   shared->first_wrong);
	good = calls_work();
	ok(good == 100, "calls still work (%d of 100)", good);
	kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	back_to("Sessions", 0);
	back_to("KeptBytes", 0);
	back_to("MemPages", 0);
	return tap_end();
}
