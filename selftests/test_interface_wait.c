// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * Waiting in all its forms, and what ends it: calls, room, time, signals,
 * shutdown, and a descriptor closed by another thread.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

#include "infos.h"

#define PORT	4500

static struct sockaddr_xrpc server;
static char big[4000];

/* ---- a thread that waits --------------------------------------------- */

enum what { RECV, SEND, POLL, EPOLL, CALL, SERVE };

struct sleeper {
	enum what what;
	int fd;
	pthread_t t;
	long ret;
	int err;
	struct xrpc_call_args call;
	struct xrpc_serve_args serve;
	struct epoll_event ev;
	volatile bool done;
	char buf[64];
};

static void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;
	struct pollfd p = { .fd = s->fd, .events = POLLIN | POLLRDHUP };
	struct sockaddr_xrpc from;
	socklen_t len = sizeof(from);

	errno = 0;
	switch (s->what) {
	case RECV:
		s->ret = recvfrom(s->fd, s->buf, sizeof(s->buf), 0,
				  (void *)&from, &len);
		break;
	case SEND:
		s->ret = send(s->fd, big, sizeof(big), MSG_NOSIGNAL);
		break;
	case POLL:
		s->ret = poll(&p, 1, 10000) == 1 ? p.revents : -1;
		break;
	case EPOLL:
		s->ret = epoll_wait(s->fd, &s->ev, 1, 1000);
		break;
	case CALL:
		s->call.req = (uintptr_t)"call";
		s->call.req_len = 4;
		s->call.reply = (uintptr_t)s->buf;
		s->call.reply_len = sizeof(s->buf);
		s->ret = ioctl(s->fd, XRPC_IOC_CALL, &s->call);
		break;
	case SERVE:
		s->serve.req = (uintptr_t)s->buf;
		s->serve.req_len = sizeof(s->buf);
		s->ret = ioctl(s->fd, XRPC_IOC_SERVE, &s->serve);
		break;
	}
	s->err = errno;
	s->done = true;
	return NULL;
}

/* Have a thread wait; whether it does. */
static bool asleep(struct sleeper *s, enum what what, int fd)
{
	memset(s, 0, sizeof(*s));
	s->what = what;
	s->fd = fd;
	pthread_create(&s->t, NULL, sleeper_main, s);
	usleep(50000);
	return !s->done;
}

/* What it got, or -errno. */
static long woken(struct sleeper *s)
{
	pthread_join(s->t, NULL);
	return s->ret < 0 ? -s->err : s->ret;
}

static void no_timeout(int fd)
{
	struct timeval tv = {};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

/* Take a request and answer it. */
static bool answer_one(int s)
{
	struct sockaddr_xrpc from;
	char buf[8];

	return get_request(s, buf, sizeof(buf), &from) >= 0 &&
	       give_answer(s, "answer", 6, &from) == 6;
}

/* ---- readiness ------------------------------------------------------- */

static int selected(int fd, bool out)
{
	struct timeval tv = {};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, out ? NULL : &set, out ? &set : NULL, NULL, &tv);
}

static int polled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP |
						POLLPRI };

	poll(&p, 1, 0);
	return p.revents;
}

/* Fill a client's send side.  Returns how many calls that took. */
static int fill(int c)
{
	int small = 1, n = 0;

	setsockopt(c, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (send(c, big, sizeof(big), MSG_DONTWAIT) > 0)
		n++;
	return errno == EAGAIN ? n : 0;
}

static void test_ready(void)
{
	int s = server_at(server), c = client_to(server), i, n;

	ok(polled(s) == POLLOUT && !selected(s, false) && selected(s, true),
	   "nothing to read, room to write");
	send(c, "x", 1, 0);
	ok(ready(s, POLLIN, 1000) && selected(s, false), "select: a request");
	answer_one(s);
	ok(ready(c, POLLIN, 1000) && selected(c, false) && selected(c, true),
	   "select: a reply");
	recv(c, big, 1, MSG_PEEK);
	ok(polled(c) == (POLLIN | POLLOUT), "a peek leaves it readable");
	recv(c, big, 1, 0);
	ok(polled(c) == POLLOUT, "a receive does not");

	n = fill(c);
	ok(n && polled(c) == 0 && !selected(c, true),
	   "no room to write when SO_SNDBUF is full");
	for (i = 0; i < n; i++)
		answer_one(s);
	ok(ready(c, POLLOUT, 1000) && selected(c, true),
	   "room again when calls ended");
	close(s);
	close(c);
	i = xrpc_socket();
	ok(polled(i) == POLLOUT, "a fresh socket is writable");
	close(i);
}

static int wait_event(int ep, int ms)
{
	struct epoll_event ev = {};

	return epoll_wait(ep, &ev, 1, ms) == 1 ? (int)ev.events : 0;
}

static void test_edges(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET |
					    EPOLLRDHUP };
	int s = server_at(server), c = client_to(server), ep, n;

	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev);
	wait_event(ep, 0);
	ok(!wait_event(ep, 0), "edge: nothing more");
	send(c, "1", 1, 0);
	ok(wait_event(ep, 1000) & EPOLLIN && !wait_event(ep, 0),
	   "edge: a request is told once");
	send(c, "2", 1, 0);
	ok(wait_event(ep, 1000) & EPOLLIN, "edge: another one is told");
	answer_one(s);
	ok(!wait_event(ep, 0), "edge: one left is not");
	answer_one(s);
	shutdown(s, SHUT_RD);
	ok(wait_event(ep, 1000) & EPOLLRDHUP, "edge: a shutdown is told");
	epoll_ctl(ep, EPOLL_CTL_DEL, s, NULL);
	recv(c, big, 8, 0);
	recv(c, big, 8, 0);
	close(s);

	s = server_at(at("127.0.0.1", PORT + 1, 0));
	close(c);
	c = client_to(at("127.0.0.1", PORT + 1, 0));
	n = fill(c);
	epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
	ok(!(wait_event(ep, 0) & EPOLLOUT), "edge: no room");
	while (n--)
		answer_one(s);
	usleep(10000);
	ok(wait_event(ep, 1000) & EPOLLOUT, "edge: room is told");
	close(ep);
	close(s);
	close(c);
}

static void test_exclusive(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int s = server_at(server), c = client_to(server), ep[4], i, got = 0;
	struct sleeper w[4];
	bool all = true;

	for (i = 0; i < 4; i++) {
		ep[i] = epoll_create1(0);
		epoll_ctl(ep[i], EPOLL_CTL_ADD, s, &ev);
		all &= asleep(&w[i], EPOLL, ep[i]);
	}
	ok(all, "exclusive: four wait");
	send(c, "x", 1, 0);
	/* whoever is woken takes it: the others find nothing */
	for (i = 0; i < 100 && !got; i++) {
		usleep(1000);
		got = w[0].done + w[1].done + w[2].done + w[3].done;
	}
	answer_one(s);
	for (i = got = 0; i < 4; i++)
		got += woken(&w[i]) == 1;
	ok(got == 1, "exclusive: one is woken (%d)", got);
	for (i = 0; i < 4; i++)
		close(ep[i]);
	close(s);
	close(c);
}

/* A request wakes one receiver, and everybody who polls. */
static void test_receivers(void)
{
	int s = server_at(server), c = client_to(server), i, got = 0;
	struct sleeper r[3], p[2];
	bool all = true;

	for (i = 0; i < 3; i++)
		all &= asleep(&r[i], RECV, s);
	for (i = 0; i < 2; i++)
		all &= asleep(&p[i], POLL, s);
	ok(all, "three receive, two poll");
	send(c, "x", 1, 0);
	usleep(50000);
	for (i = 0; i < 3; i++)
		got += r[i].done;
	ok(got == 1, "a request goes to one receiver (%d)", got);
	send(c, "y", 1, 0);
	send(c, "z", 1, 0);
	got = 0;
	for (i = 0; i < 3; i++)
		got += woken(&r[i]) == 1;
	ok(got == 3, "two more to the others");
	send(c, "w", 1, 0);
	got = 0;
	for (i = 0; i < 2; i++)
		got += woken(&p[i]) > 0;
	ok(got == 2, "both that poll are told");
	close(s);
	close(c);
}

static volatile int signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void test_sigio(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int s = server_at(server), c = client_to(server);

	sigaction(SIGIO, &sa, NULL);
	fcntl(s, F_SETOWN, getpid());
	fcntl(s, F_SETFL, O_ASYNC);
	signals = 0;
	send(c, "x", 1, 0);
	usleep(50000);
	ok(signals == 1, "O_ASYNC: a request is a signal (%d)", signals);
	close(s);
	close(c);
}

/* ---- time ------------------------------------------------------------ */

static long ms_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t->tv_sec) * 1000 +
	       (now.tv_nsec - t->tv_nsec) / 1000000;
}

static void test_timeouts(void)
{
	struct timeval tv = { .tv_usec = 200000 }, got;
	int s = server_at(server), c = client_to(server);
	struct xrpc_serve_args sv = {};
	struct xrpc_call_args ca = {};
	socklen_t len = sizeof(got);
	struct timespec t;
	struct sleeper w;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	ok(!getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &got, &len) &&
	   got.tv_usec == tv.tv_usec, "SO_RCVTIMEO is kept");
	clock_gettime(CLOCK_MONOTONIC, &t);
	ok(recv(s, big, 1, 0) == -1 && errno == EAGAIN && ms_since(&t) >= 200,
	   "SO_RCVTIMEO: a receive waits so long");
	sv.req = (uintptr_t)big;
	sv.req_len = 8;
	clock_gettime(CLOCK_MONOTONIC, &t);
	ok(ioctl(s, XRPC_IOC_SERVE, &sv) == -1 && errno == EAGAIN &&
	   ms_since(&t) >= 200, "and so does XRPC_IOC_SERVE");
	fcntl(s, F_SETFL, O_NONBLOCK);
	clock_gettime(CLOCK_MONOTONIC, &t);
	ok(ioctl(s, XRPC_IOC_SERVE, &sv) == -1 && errno == EAGAIN &&
	   ms_since(&t) < 200, "O_NONBLOCK: it does not wait");
	fcntl(s, F_SETFL, 0);

	fill(c);
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	clock_gettime(CLOCK_MONOTONIC, &t);
	ok(send(c, "x", 1, 0) == -1 && errno == EAGAIN && ms_since(&t) >= 200,
	   "SO_SNDTIMEO: a send waits so long for room");
	ca.req = (uintptr_t)"x";
	ca.req_len = 1;
	ok(ioctl(c, XRPC_IOC_CALL, &ca) == -1 && errno == EAGAIN &&
	   ca.outcome == XRPC_NOT_EXECUTED,
	   "and so does XRPC_IOC_CALL: not executed");
	tv.tv_usec = 0;
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	ok(asleep(&w, SEND, c), "a send without room waits");
	answer_one(s);
	answer_one(s);
	ok(woken(&w) == sizeof(big), "until calls ended");
	close(s);
	close(c);
}

/* ---- signals --------------------------------------------------------- */

static void handle(int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &sa, NULL);
}

static void test_signals(void)
{
	int s = server_at(server), c = client_to(server);
	struct timeval tv = { .tv_sec = 20 };
	struct sleeper w;
	struct told t;

	recvinfo(s);
	no_timeout(s);
	no_timeout(c);
	handle(0);
	ok(asleep(&w, RECV, s), "a receive");
	pthread_kill(w.t, SIGUSR1);
	ok(woken(&w) == -EINTR, "is interrupted by a signal");
	handle(SA_RESTART);
	asleep(&w, RECV, s);
	pthread_kill(w.t, SIGUSR1);
	usleep(50000);
	ok(!w.done, "goes on with SA_RESTART");
	send(c, "x", 1, 0);
	ok(woken(&w) == 1, "and takes the next request");
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	asleep(&w, RECV, s);
	pthread_kill(w.t, SIGUSR1);
	ok(woken(&w) == -EINTR, "but not where it has a time limit");
	no_timeout(s);

	asleep(&w, SERVE, s);
	pthread_kill(w.t, SIGUSR1);
	ok(woken(&w) == -EINTR && !w.serve.flags,
	   "XRPC_IOC_SERVE never goes on");
	send(c, "answered", 8, 0);
	receive(s, 0, &t);
	memset(&w, 0, sizeof(w));
	w.what = SERVE;
	w.fd = s;
	w.serve.call = t.from.sxr_call;
	w.serve.reply = (uintptr_t)"yes";
	w.serve.reply_len = 3;
	pthread_create(&w.t, NULL, sleeper_main, &w);
	ok(recv(c, big, 8, 0) == 3, "it answers");
	usleep(50000);
	pthread_kill(w.t, SIGUSR1);
	ok(woken(&w) == -EINTR && w.serve.flags == XRPC_SERVE_ANSWERED &&
	   !w.serve.call, "and says so, when a signal ends the wait");

	ok(asleep(&w, CALL, c) && receive(s, 0, &t) && t.n == 4,
	   "XRPC_IOC_CALL waits");
	pthread_kill(w.t, SIGUSR1);
	ok(woken(&w) == -EINTR && w.call.outcome == XRPC_UNKNOWN,
	   "never goes on, and ends unknown");
	ok(receive(s, 0, &t) && t.canceled, "the server is told");
	ok(!ready(s, POLLIN, 300), "and gets no second request");
	fails(recv(c, big, 8, MSG_DONTWAIT), EAGAIN,
	      "nor does the client's queue get anything");

	fill(c);
	handle(0);
	ok(asleep(&w, SEND, c), "a send without room");
	pthread_kill(w.t, SIGUSR1);
	ok(woken(&w) == -EINTR, "is interrupted by a signal");
	asleep(&w, CALL, c);
	handle(SA_RESTART);
	pthread_kill(w.t, SIGUSR1);
	ok(woken(&w) == -EINTR && w.call.outcome == XRPC_NOT_EXECUTED,
	   "and so is XRPC_IOC_CALL: not executed");
	close(s);
	close(c);
}

/* A signal takes a receiver that a request has woken: another one gets it. */
static void test_passed_on(void)
{
	int s = server_at(server), c = client_to(server), i, lost = 0, k;
	struct sleeper w[2];

	no_timeout(s);
	handle(0);
	for (i = 0; i < 20 && !lost; i++) {
		asleep(&w[0], RECV, s);
		asleep(&w[1], RECV, s);
		send(c, "x", 1, 0);
		pthread_kill(w[0].t, SIGUSR1);
		usleep(20000);
		k = w[0].done && w[0].ret == 1;
		k += w[1].done && w[1].ret == 1;
		lost += k != 1;
		/* for the other one, if it waits still */
		if (!w[0].done || !w[1].done)
			send(c, "y", 1, 0);
		woken(&w[0]);
		woken(&w[1]);
	}
	ok(!lost, "a signal takes no request from another receiver");
	close(s);
	close(c);
}

/* ---- shutdown -------------------------------------------------------- */

static void test_shutdown(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP };
	int s = server_at(server), c = client_to(server), ep, n;
	struct sleeper w[4];
	struct told t;

	recvinfo(c);
	fails(shutdown(s, 3), EINVAL, "shutdown: no such way");
	fails(shutdown(s, -1), EINVAL, "shutdown: nor such");
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev);
	n = asleep(&w[0], RECV, s) + asleep(&w[1], POLL, s) +
	    asleep(&w[2], EPOLL, ep) + asleep(&w[3], SERVE, s);
	ok(n == 4, "four wait");
	shutdown(s, SHUT_RD);
	/* long before their time is up */
	usleep(100000);
	ok(w[0].done && w[1].done && w[2].done && w[3].done,
	   "SHUT_RD wakes them all");
	ok(!woken(&w[0]), "SHUT_RD: a receive ends with 0");
	ok(woken(&w[1]) == (POLLIN | POLLRDHUP), "a poll with IN and RDHUP");
	ok(woken(&w[2]) == 1 && w[2].ev.events == (EPOLLIN | EPOLLRDHUP),
	   "so does epoll");
	ok(woken(&w[3]) == -ESHUTDOWN, "XRPC_IOC_SERVE with ESHUTDOWN");
	ok(polled(s) == (POLLIN | POLLOUT | POLLRDHUP), "writable still");
	ok(!shutdown(s, SHUT_RD), "once more changes nothing");
	send_named(c, "x", 1);
	ok(ended(c, 1, XRPC_NOT_EXECUTED, ESHUTDOWN),
	   "new calls are refused, not executed");
	ok(!shutdown(s, SHUT_WR) &&
	   polled(s) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP),
	   "both: hung up");
	close(ep);
	close(s);

	s = server_at(server);
	send_named(c, "asked", 2);
	receive(s, 0, &t);
	shutdown(s, SHUT_WR);
	fails(sendto(s, "x", 1, MSG_NOSIGNAL, (void *)&server, sizeof(server)),
	      EPIPE, "SHUT_WR: no calls from here");
	ok(give_answer(s, "yes", 3, &t.from) == 3 &&
	   ended(c, 2, XRPC_REPLIED, 0), "but answers");
	send_named(c, "more", 3);
	ok(receive(s, 0, &t), "and requests still come");
	give_answer(s, "", 0, &t.from);
	ended(c, 3, XRPC_REPLIED, 0);

	ok(fill(c) && asleep(&w[0], SEND, c), "a send without room waits");
	shutdown(c, SHUT_WR);
	ok(woken(&w[0]) == -EPIPE, "until SHUT_WR");
	ok(polled(c) & POLLOUT, "then nothing would wait: writable");
	ok(answer_one(s) && receive(c, 0, &t) && t.n == 6,
	   "what was sent before is replied to");
	close(c);

	c = client_to(server);
	asleep(&w[0], CALL, c);
	shutdown(c, SHUT_RDWR);
	usleep(20000);
	ok(!w[0].done, "a call under way outlives its socket's shutdown");
	while (!w[0].done && answer_one(s))
		usleep(10000);
	ok(!woken(&w[0]) && w[0].call.reply_len == 6, "and gets its reply");
	close(c);
	close(s);
}

/* ---- closing --------------------------------------------------------- */

static void test_closed(void)
{
	int s = server_at(server), c = client_to(server), d;
	struct sleeper w;
	struct told t;

	/* who waits has the socket, as with any other family */
	ok(asleep(&w, RECV, s), "a receive");
	close(s);
	usleep(20000);
	ok(!w.done, "outlives its descriptor");
	send(c, "x", 1, 0);
	ok(woken(&w) == 1, "and takes a request, the last one");
	recvinfo(c);
	ok(receive(c, 0, &t) && t.result.outcome == XRPC_UNKNOWN &&
	   t.result.error == ECONNRESET,
	   "which ends unknown with the socket");
	s = server_at(server);
	ok(asleep(&w, CALL, c), "a call");
	close(c);
	usleep(20000);
	ok(!w.done && answer_one(s) && !woken(&w) && w.call.reply_len == 6,
	   "outlives its descriptor as well");

	c = client_to(server);
	asleep(&w, CALL, c);
	receive(s, 0, &t);
	d = dup(s);
	close(s);
	usleep(20000);
	ok(!w.done && give_answer(d, "dup", 3, &t.from) == 3 && !woken(&w),
	   "a server's duplicate answers what the closed one received");
	asleep(&w, CALL, c);
	close(d);
	ok(woken(&w) == -ECONNREFUSED &&
	   w.call.outcome == XRPC_NOT_EXECUTED,
	   "a call in the queue of a closed socket: not executed");
	close(c);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	tap_begin();
	server = at("127.0.0.1", PORT, 0);
	test_ready();
	test_edges();
	test_exclusive();
	test_receivers();
	test_sigio();
	test_timeouts();
	test_signals();
	test_passed_on();
	test_shutdown();
	test_closed();
	return tap_end();
}
