// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=smp kernels=6.1,debug threads=multi timeout=900
 *
 * All that can happen to a call at once: answers from two threads, cancelling,
 * deadlines too short, signals, closed and duplicated sockets, shutdown,
 * options, polls, groups, a client killed, namespaces and the module that come
 * and go.  After each round the server's own record of what ran is held against
 * what was told of every call: replied means it ran once, not executed that it
 * never did, and nothing runs twice.
 *
 *	test_races [SEED [ROUNDS]]
 */
#include "netns.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PORT		7000
#define IDS		(1 << 20)
#define CALLERS		2
#define WORKERS		3
#define CALLS		12	/* of each caller, a round */
#define MODULE		"/xrpc/xrpc.ko"

enum told {
	NOT_TOLD,		/* nobody was left to be told */
	NOT_BEGUN,		/* the system call refused it */
	TOLD_REPLIED,
	TOLD_NOT_EXECUTED,
	TOLD_UNKNOWN,
};

/* What is known of a call; in memory that a killed client leaves behind. */
struct record {
	atomic_uchar ran, answered;
	unsigned char told, wrong;
	int error;
};

static struct shared {
	atomic_uint next_id;
	struct record r[IDS];
} *shared;

struct request {
	uint32_t magic, id, len, reply_len;
};

#define REQUEST		0x71657221
#define REPLY		0x79706c72

/* A round's sockets, made before its threads and only closed by them. */
static struct round {
	int srv[2], cl, cl2;	/* servers of a group; client, and its twin */
	int epoll;
	atomic_bool srv_open[2], cl_open, cl2_open;
	atomic_bool stop;
	bool client_closes;	/* calls may stay untold */
	uint64_t seed;
	pthread_t callers[CALLERS + 1];
	int ncallers;
	pid_t child;
} R;

/* Requests handed from the thread that received them to another. */
static struct handed {
	struct sockaddr_xrpc from;
	struct request req;
	int fd;
	atomic_int state;	/* 0 free, 1 being filled, 2 full */
} handed[16];

static atomic_uint answers_twice, unloaded_busy;
static uint64_t base_seed;
static int round_nr;

static uint64_t mix(uint64_t *s)
{
	uint64_t z = *s += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static void pause_us(uint64_t *s, unsigned int most)
{
	struct timespec ts = { .tv_nsec = mix(s) % (most * 1000ULL + 1) };

	nanosleep(&ts, NULL);
}

static uint32_t some_len(uint64_t *s)
{
	static const uint32_t kinds[] = { 16, 16, 100, 900, 5000, 12000, 40000 };

	return kinds[mix(s) % 7] + mix(s) % 16;
}

static void fill(unsigned char *b, uint32_t magic, uint32_t id, uint32_t len,
		 uint32_t reply_len)
{
	struct request r = { magic, id, len, reply_len };
	uint32_t i;

	memcpy(b, &r, sizeof(r));
	for (i = sizeof(r); i < len; i++)
		b[i] = id + i * 3;
}

static bool right(const unsigned char *b, ssize_t n, uint32_t magic,
		  const struct request *r)
{
	uint32_t len = magic == REQUEST ? r->len : r->reply_len;
	unsigned char *want = malloc(len + sizeof(*r));
	bool same;

	fill(want, magic, r->id, len, r->reply_len);
	same = n == (ssize_t)len && !memcmp(b, want, len);
	free(want);
	return same;
}

/* ---- the server ------------------------------------------------------ */

static void answer(int fd, const struct sockaddr_xrpc *to,
		   const struct request *r)
{
	unsigned char *b = malloc(r->reply_len);

	fill(b, REPLY, r->id, r->reply_len, r->reply_len);
	if (give_answer(fd, b, r->reply_len, to) == (ssize_t)r->reply_len &&
	    atomic_fetch_add(&shared->r[r->id].answered, 1))
		answers_twice++;
	free(b);
}

/* A request is here: it counts as run whatever becomes of it. */
static bool run_one(const unsigned char *b, ssize_t n, struct request *r)
{
	if (n < (ssize_t)sizeof(*r))
		return false;
	memcpy(r, b, sizeof(*r));
	if (r->magic != REQUEST || r->id >= IDS) {
		printf("# a request that nobody sent: %x %u\n", r->magic,
		       r->id);
		return false;
	}
	atomic_fetch_add(&shared->r[r->id].ran, 1);
	if (!right(b, n, REQUEST, r))
		shared->r[r->id].wrong = 1;
	return true;
}

static void hand_on(int fd, const struct sockaddr_xrpc *from,
		    const struct request *r)
{
	int i, zero;

	for (i = 0; i < 16; i++) {
		zero = 0;
		if (!atomic_compare_exchange_strong(&handed[i].state, &zero, 1))
			continue;
		handed[i].from = *from;
		handed[i].req = *r;
		handed[i].fd = fd;
		handed[i].state = 2;
		return;
	}
	answer(fd, from, r);
}

/* Answer what another thread received. */
static void *answerer(void *arg)
{
	uint64_t s = R.seed ^ (uintptr_t)arg * 77;
	struct handed h;
	int i, full;

	while (!R.stop) {
		for (i = 0; i < 16; i++) {
			full = 2;
			if (!atomic_compare_exchange_strong(&handed[i].state,
							    &full, 1))
				continue;
			h.from = handed[i].from;
			h.req = handed[i].req;
			h.fd = handed[i].fd;
			handed[i].state = 0;
			pause_us(&s, 300);
			answer(h.fd, &h.from, &h.req);
		}
		pause_us(&s, 200);
	}
	return NULL;
}

/* What a worker does with a request that it has. */
static void treat(int fd, const struct sockaddr_xrpc *from,
		  const struct request *r, uint64_t *s)
{
	if (mix(s) % 3 == 0)
		pause_us(s, 2000);
	switch (mix(s) % 8) {
	case 0:
		return;			/* never answered */
	case 1:
		hand_on(fd, from, r);
		return;
	case 2:
		/* two threads answer at once */
		hand_on(fd, from, r);
		answer(fd, from, r);
		return;
	default:
		answer(fd, from, r);
	}
}

static int receive(int fd, unsigned char *b, uint64_t *s)
{
	char control[128];
	struct sockaddr_xrpc from;
	struct iovec iov = { b, 65536 };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from),
			    .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	struct request r;
	ssize_t n;

	if (mix(s) % 8 == 0)
		recvmsg(fd, &m, MSG_PEEK | MSG_DONTWAIT);
	m.msg_namelen = sizeof(from);
	m.msg_controllen = sizeof(control);
	n = recvmsg(fd, &m, mix(s) % 3 ? 0 : MSG_DONTWAIT);
	if (n < 0)
		return errno;
	if (!m.msg_namelen)
		return ESHUTDOWN;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_XRPC && c->cmsg_type == XRPC_CANCELED)
			return 0;
	}
	if (run_one(b, n, &r))
		treat(fd, &from, &r, s);
	return 0;
}

static int serve(int fd, unsigned char *b, uint64_t *s)
{
	unsigned char *reply = malloc(65536);
	struct sockaddr_xrpc from;
	struct xrpc_serve_args a = {
		.req = (uintptr_t)b,
		.addr = (uintptr_t)&from,
		.addr_len = sizeof(from),
		.reply = (uintptr_t)reply,
	};
	uint32_t id = 0;
	struct request r;
	int err = 0, i;

	for (i = 0; i < 4; i++) {
		a.req_len = 65536;
		a.flags = 0;
		err = ioctl(fd, XRPC_IOC_SERVE, &a) ? errno : 0;
		if (id && a.flags & XRPC_SERVE_ANSWERED &&
		    atomic_fetch_add(&shared->r[id].answered, 1))
			answers_twice++;
		id = 0;
		if (err)
			break;
		if (a.flags & XRPC_SERVE_CANCELED) {
			a.call = 0;
			continue;
		}
		if (!run_one(b, a.req_len, &r))
			break;
		if (i == 3 || mix(s) % 2) {
			treat(fd, &from, &r, s);
			a.call = 0;
			continue;
		}
		id = r.id;
		fill(reply, REPLY, r.id, r.reply_len, r.reply_len);
		a.reply_len = r.reply_len;
	}
	free(reply);
	return err;
}

static void *worker(void *arg)
{
	uint64_t s = R.seed ^ ((uintptr_t)arg + 1) * 1001;
	unsigned char *b = malloc(65536);
	int fd = R.srv[(uintptr_t)arg & 1], err;

	while (!R.stop) {
		err = mix(&s) & 1 ? receive(fd, b, &s) : serve(fd, b, &s);
		if (err == EBADF || err == ESHUTDOWN)
			break;
		if (err == EAGAIN && mix(&s) & 1)
			pause_us(&s, 300);
	}
	free(b);
	return NULL;
}

/* ---- the client ------------------------------------------------------ */

static uint64_t some_deadline(uint64_t *s)
{
	static const uint32_t us[] = { 20, 300, 3000, 50000, 400000, 400000 };

	return us[mix(s) % 6];
}

static void note(uint32_t id, int told, int error)
{
	struct record *r = &shared->r[id];

	r->error = error;
	/* the set of errnos tells the outcome too */
	if (told == TOLD_UNKNOWN && error != ETIMEDOUT &&
	    error != ECONNRESET && error != EINTR)
		r->wrong = 2;
	if (told == TOLD_NOT_EXECUTED &&
	    (error == ETIMEDOUT || error == ECONNRESET))
		r->wrong = 3;
	if (r->told != NOT_TOLD)
		r->wrong = 4;
	r->told = told;
}

static int twin(uint64_t *s)
{
	return mix(s) & 1 ? R.cl : R.cl2;
}

/* Calls of one system call each. */
static void *caller(void *arg)
{
	uint64_t s = R.seed ^ ((uintptr_t)arg + 1) * 31337;
	unsigned char *b = malloc(65536), *reply = malloc(65536);
	int i;

	for (i = 0; i < CALLS && !R.stop; i++) {
		struct request r = { REQUEST, shared->next_id++, some_len(&s),
				     some_len(&s) };
		struct xrpc_call_args a = {
			.req = (uintptr_t)b,
			.req_len = r.len,
			.reply = (uintptr_t)reply,
			.reply_len = 65536,
			.deadline = some_deadline(&s),
			.outcome = 99,
		};
		int err;

		fill(b, REQUEST, r.id, r.len, r.reply_len);
		err = ioctl(twin(&s), XRPC_IOC_CALL, &a) ? errno : 0;
		if (!err) {
			note(r.id, TOLD_REPLIED, 0);
			if (!right(reply, a.reply_len, REPLY, &r))
				shared->r[r.id].wrong = 5;
		} else if (a.outcome == 99) {
			note(r.id, NOT_BEGUN, err);
		} else {
			note(r.id, a.outcome == XRPC_NOT_EXECUTED ?
			     TOLD_NOT_EXECUTED : TOLD_UNKNOWN, err);
		}
		if (err == EBADF)
			break;
		if (mix(&s) % 4 == 0)
			pause_us(&s, 500);
	}
	free(b);
	free(reply);
	return NULL;
}

static int send_cmsg(int fd, int type, uint64_t value, const void *data,
		     size_t len, uint64_t deadline, int flags)
{
	char control[2 * CMSG_SPACE(8)] = {};
	struct iovec iov = { (void *)data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(8) };
	struct cmsghdr *c = (void *)control;

	c->cmsg_level = SOL_XRPC;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(8);
	memcpy(CMSG_DATA(c), &value, 8);
	if (deadline) {
		m.msg_controllen = sizeof(control);
		c = CMSG_NXTHDR(&m, c);
		c->cmsg_level = SOL_XRPC;
		c->cmsg_type = XRPC_DEADLINE;
		c->cmsg_len = CMSG_LEN(8);
		memcpy(CMSG_DATA(c), &deadline, 8);
	}
	return sendmsg(fd, &m, flags | MSG_NOSIGNAL) < 0 ? errno : 0;
}

/* Take one result.  Returns an errno, 0 if there was one. */
static int result(int fd, unsigned char *b, const struct request *reqs, int n,
		  int *told)
{
	char control[256];
	struct iovec iov = { b, 65536 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct xrpc_result res = { .outcome = 99 };
	uint64_t cookie = 0;
	struct cmsghdr *c;
	ssize_t got;
	int i;

	got = recvmsg(fd, &m, 0);
	if (got < 0)
		return errno;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == XRPC_COOKIE)
			memcpy(&cookie, CMSG_DATA(c), 8);
		else if (c->cmsg_type == XRPC_OUTCOME)
			memcpy(&res, CMSG_DATA(c), sizeof(res));
	}
	if (res.outcome == 99)
		return ESHUTDOWN;
	for (i = 0; i < n && reqs[i].id != cookie - 1; i++)
		;
	if (i == n) {
		printf("# a result of no call: %llu\n",
		       (unsigned long long)cookie);
		return 0;
	}
	++*told;
	note(reqs[i].id, TOLD_REPLIED + res.outcome, res.error);
	if (res.outcome == XRPC_REPLIED && !right(b, got, REPLY, &reqs[i]))
		shared->r[reqs[i].id].wrong = 5;
	return 0;
}

/* Calls with cookies, some of them cancelled. */
static void *sender(void *arg)
{
	uint64_t s = R.seed ^ 4242;
	unsigned char *b = malloc(65536);
	struct request reqs[2 * CALLS];
	int n = 0, sent = 0, told = 0, err = 0;
	uint64_t end;

	(void)arg;
	while (n < 2 * CALLS && !R.stop) {
		struct request *r = &reqs[n++];

		*r = (struct request){ REQUEST, shared->next_id++,
				       some_len(&s), some_len(&s) };
		fill(b, REQUEST, r->id, r->len, r->reply_len);
		err = send_cmsg(twin(&s), XRPC_COOKIE, r->id + 1, b, r->len,
				some_deadline(&s),
				mix(&s) & 1 ? MSG_DONTWAIT : 0);
		if (err)
			note(r->id, NOT_BEGUN, err);
		else
			sent++;
		if (mix(&s) % 3 == 0) {
			pause_us(&s, 200);
			send_cmsg(twin(&s), XRPC_CANCEL,
				  reqs[mix(&s) % n].id + 1, NULL, 0, 0, 0);
		}
		if (mix(&s) % 3 == 0 && told < sent)
			result(twin(&s), b, reqs, n, &told);
	}
	/* every deadline is over by then, and the server's word is in */
	end = ms_now() + 15000;
	while (told < sent && ms_now() < end) {
		err = result(R.cl, b, reqs, n, &told);
		if (err == EBADF || err == ESHUTDOWN)
			err = result(R.cl2, b, reqs, n, &told);
		if (err == EBADF || err == ESHUTDOWN)
			break;
	}
	if (told < sent && !R.client_closes) {
		printf("# seed %llx round %d: %d of %d calls never told (%s)\n",
		       (unsigned long long)base_seed, round_nr, sent - told,
		       sent, strerror(err));
		shared->r[reqs[0].id].wrong = 6;
	}
	free(b);
	return NULL;
}

/* ---- what happens to them -------------------------------------------- */

static void close_once(int fd, atomic_bool *open)
{
	bool was = true;

	if (atomic_compare_exchange_strong(open, &was, false))
		close(fd);
}

static void options(uint64_t *s)
{
	int fd = mix(s) & 1 ? R.cl : R.srv[mix(s) & 1], v = mix(s) % 3;
	uint64_t us = 1 + mix(s) % 500000;
	int size = 2000 << mix(s) % 8;
	socklen_t len = sizeof(us);

	setsockopt(fd, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
	setsockopt(fd, SOL_SOCKET, mix(s) & 1 ? SO_SNDBUF : SO_RCVBUF, &size,
		   sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &v, sizeof(v));
	getsockopt(fd, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, &len);
}

static void *poller(void *arg)
{
	uint64_t s = R.seed ^ 99;
	struct epoll_event ev[4];
	struct pollfd p[4];

	(void)arg;
	while (!R.stop) {
		int i;

		for (i = 0; i < 4; i++)
			p[i] = (struct pollfd){
				.fd = i < 2 ? R.srv[i] : i == 2 ? R.cl : R.cl2,
				.events = mix(&s),
			};
		poll(p, 4, 1);
		epoll_wait(R.epoll, ev, 4, 1);
		options(&s);
		pause_us(&s, 500);
	}
	return NULL;
}

static void *disturber(void *arg)
{
	uint64_t s = R.seed ^ 123456;
	int i, k, n = 1 + mix(&s) % 5;

	(void)arg;
	for (i = 0; i < n && !R.stop; i++) {
		pause_us(&s, 4000);
		switch (mix(&s) % 8) {
		case 0:
			k = mix(&s) & 1;
			close_once(R.srv[k], &R.srv_open[k]);
			break;
		case 1:
			shutdown(R.srv[mix(&s) & 1], mix(&s) % 3);
			break;
		case 2:
			if (!R.client_closes)
				break;
			close_once(R.cl, &R.cl_open);
			if (mix(&s) & 1)
				close_once(R.cl2, &R.cl2_open);
			break;
		case 3:
			if (R.client_closes)
				shutdown(R.cl, mix(&s) % 3);
			else
				shutdown(R.cl, SHUT_WR);
			break;
		case 4:
			if (R.child)
				kill(R.child, SIGKILL);
			break;
		default:
			if (R.child)
				break;
			for (k = mix(&s) % 8; k; k--) {
				pthread_kill(R.callers[mix(&s) % R.ncallers],
					     SIGUSR1);
				pause_us(&s, 300);
			}
		}
	}
	return NULL;
}

/* A socket keeps the module, whatever happens to it. */
static void *unloader(void *arg)
{
	uint64_t s = R.seed ^ 555;

	(void)arg;
	while (!R.stop) {
		if (!syscall(SYS_delete_module, "xrpc", O_NONBLOCK))
			unloaded_busy++;
		pause_us(&s, 1000);
	}
	return NULL;
}

/* ---- rounds ---------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

static void on_alarm(int sig)
{
	static const char msg[] = "Bail out! a round hangs\n";

	(void)sig;
	_exit(write(1, msg, sizeof(msg) - 1) > 0 ? 1 : 2);
}

static void load_module(void)
{
	int fd = open(MODULE, O_RDONLY);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0)) {
		printf("Bail out! insmod: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
}

/*
 * The module goes while all that the last round left is on its way out, and
 * comes back.
 */
static bool reload_module(void)
{
	uint64_t end = ms_now() + 60000;

	while (syscall(SYS_delete_module, "xrpc", O_NONBLOCK)) {
		if (ms_now() > end)
			return false;
		usleep(2000);
	}
	load_module();
	return true;
}

/* Everything from here on is in a namespace of its own. */
static void new_namespace(uint64_t *s)
{
	if (unshare(CLONE_NEWNET)) {
		printf("Bail out! unshare: %s\n", strerror(errno));
		exit(1);
	}
	run("ip link set lo up");
	if (mix(s) % 3 == 0)
		run("tc qdisc add dev lo root netem delay 200us 200us loss 5%%"
		    " duplicate 5%% 2>/dev/null || true");
}

static int timed(int fd)
{
	struct timeval tv = { .tv_usec = 20000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return fd;
}

static void open_round(uint64_t *s)
{
	struct sockaddr_xrpc a = at(mix(s) & 1 ? "127.0.0.1" : "::1", PORT, 7);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int i, one = 1;

	memset(handed, 0, sizeof(handed));
	R.stop = false;
	R.child = 0;
	R.client_closes = mix(s) % 3 == 0;
	R.seed = mix(s);
	R.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < 2; i++) {
		R.srv[i] = timed(xrpc_socket());
		setsockopt(R.srv[i], SOL_XRPC, XRPC_REUSEPORT, &one,
			   sizeof(one));
		setsockopt(R.srv[i], SOL_XRPC, XRPC_RECVINFO, &one,
			   sizeof(one));
		if (bind(R.srv[i], (void *)&a, sizeof(a))) {
			printf("Bail out! bind: %s\n", strerror(errno));
			exit(1);
		}
		R.srv_open[i] = true;
		epoll_ctl(R.epoll, EPOLL_CTL_ADD, R.srv[i], &ev);
	}
	R.cl = timed(client_to(a));
	setsockopt(R.cl, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one));
	epoll_ctl(R.epoll, EPOLL_CTL_ADD, R.cl, &ev);
	R.cl2 = dup(R.cl);
	R.cl_open = R.cl2_open = true;
}

static void start(pthread_t *t, void *(*fn)(void *), uintptr_t arg)
{
	if (pthread_create(t, NULL, fn, (void *)arg)) {
		printf("Bail out! pthread_create\n");
		exit(1);
	}
}

static void start_callers(void)
{
	uintptr_t i;

	for (i = 0; i < CALLERS; i++)
		start(&R.callers[i], caller, i);
	start(&R.callers[CALLERS], sender, 0);
	R.ncallers = CALLERS + 1;
}

static void join_callers(void)
{
	int i;

	for (i = 0; i < R.ncallers; i++)
		pthread_join(R.callers[i], NULL);
}

static void one_round(uint64_t *s)
{
	pthread_t t[WORKERS + 3], disturbing;
	int n = 0, i;

	open_round(s);
	alarm(120);
	if (mix(s) % 5 == 0) {
		R.client_closes = true;
		R.child = fork();
		if (!R.child) {
			close(R.srv[0]);
			close(R.srv[1]);
			close(R.epoll);
			start_callers();
			join_callers();
			_exit(0);
		}
		close_once(R.cl, &R.cl_open);
		close_once(R.cl2, &R.cl2_open);
	} else {
		start_callers();
	}
	for (i = 0; i < WORKERS; i++)
		start(&t[n++], worker, i);
	start(&t[n++], answerer, 1);
	start(&t[n++], poller, 0);
	start(&disturbing, disturber, 0);
	if (mix(s) % 4 == 0)
		start(&t[n++], unloader, 0);
	/* it names the threads of those */
	pthread_join(disturbing, NULL);
	if (R.child)
		waitpid(R.child, NULL, 0);
	else
		join_callers();
	R.stop = true;
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	close_once(R.cl, &R.cl_open);
	close_once(R.srv[0], &R.srv_open[0]);
	close_once(R.cl2, &R.cl2_open);
	close_once(R.srv[1], &R.srv_open[1]);
	close(R.epoll);
	alarm(0);
}

static unsigned int counts[5], lies, wrongs;

static void judge(unsigned int from, unsigned int to, bool count)
{
	static const char *const names[] = {
		"not told", "not begun", "replied", "not executed", "unknown",
	};
	unsigned int i;

	for (i = from; i < to; i++) {
		struct record *r = &shared->r[i];
		bool lie = r->ran > 1 || r->answered > 1;

		if (r->told == TOLD_REPLIED)
			lie |= r->ran != 1 || r->answered != 1;
		if (r->told == TOLD_NOT_EXECUTED || r->told == NOT_BEGUN)
			lie |= r->ran;
		counts[r->told] += count;
		lies += lie;
		wrongs += r->wrong && count;
		if (lie || (r->wrong && count))
			printf("# seed %llx round %d call %u: told %s (%s), ran %u times, answered %u, wrong %u\n",
			       (unsigned long long)base_seed, round_nr, i,
			       names[r->told], strerror(r->error), r->ran,
			       r->answered, r->wrong);
	}
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	bool reloads = !access(MODULE, R_OK), reloaded = true;
	int rounds = argc > 2 ? atoi(argv[2]) : scaled(150), reload_nr = 0;
	uint64_t s;

	tap_begin();
	close(xrpc_socket());
	base_seed = argc > 1 ? strtoull(argv[1], NULL, 16) : 0x5eed;
	s = base_seed;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	shared->next_id = 1;
	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_handler = on_alarm;
	sigaction(SIGALRM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (round_nr = 0; round_nr < rounds; round_nr++) {
		unsigned int first = shared->next_id;

		if (round_nr % 4 == 0)
			new_namespace(&s);
		one_round(&s);
		judge(first, shared->next_id, true);
		if (reloads && mix(&s) % 8 == 0) {
			/* the last namespace is left to its fate as well */
			if (mix(&s) & 1)
				new_namespace(&s);
			reloaded &= reload_module();
			reload_nr++;
		}
	}
	/* what was not executed has not been since */
	judge(1, shared->next_id, false);
	printf("# %d rounds from seed %llx, %u calls: %u replied, %u not executed, %u unknown, %u not begun, %u not told\n",
	       rounds, (unsigned long long)base_seed, shared->next_id - 1,
	       counts[TOLD_REPLIED], counts[TOLD_NOT_EXECUTED],
	       counts[TOLD_UNKNOWN], counts[NOT_BEGUN], counts[NOT_TOLD]);
	ok(!lies, "what is told of a call is true (%u lies)", lies);
	ok(!wrongs, "requests, replies, errnos are right, all are told (%u not)",
	   wrongs);
	ok(!answers_twice, "one answer a call is taken (%u twice)",
	   answers_twice);
	ok(counts[TOLD_REPLIED] && counts[TOLD_NOT_EXECUTED] &&
	   counts[TOLD_UNKNOWN], "all outcomes were seen");
	ok(!unloaded_busy, "open sockets keep the module");
	if (reloads)
		ok(reloaded, "and nothing else does (%d times)", reload_nr);
	else
		ok(true, "reloading # SKIP no module to load");
	return tap_end();
}
