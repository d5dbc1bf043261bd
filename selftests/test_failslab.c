// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=smp kernels=debug timeout=900
 *
 * Allocations that fail: in turn each one of every step of a call, of a
 * namespace, of loading, and of the packets of a call; at random while calls
 * run.  A step says so by its errno and can be done again; a packet that could
 * not be made is made later; nothing runs twice, what is told of a call is
 * true, and then calls work as before.
 */
#include "netns.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PORT	7000
#define MODULE	"/xrpc/xrpc.ko"
#define IDS	100000
#define SHORT	100
#define LONG	30000

/* Where modules are: also one that is being loaded. */
#define MODULES_BEGIN	"0xffffffffa0000000"
#define MODULES_END	"0xffffffffff000000"

/* What is known of a call. */
enum told { NOT_TOLD, REPLIED, NOT_EXECUTED, UNKNOWN };

static atomic_uchar ran[IDS];
static unsigned char told[IDS];
static atomic_uint next_id = 1;
static atomic_bool stop;

/* ---- faults ---------------------------------------------------------- */

static const char *const both[] = { "failslab", "fail_page_alloc" };

static bool set(const char *fault, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", fault, name);
	return write_file(path, value);
}

static bool set_long(const char *fault, const char *name, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	return set(fault, name, text);
}

static long get_long(const char *fault, const char *name)
{
	char path[128], text[24] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", fault, name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	return atol(text);
}

/* Only what is allocated on a module's behalf fails, and quietly. */
static bool prepare(void)
{
	bool good = !access("/proc/thread-self/fail-nth", W_OK);
	int i;

	for (i = 0; i < 2; i++) {
		good &= set(both[i], "probability", "0");
		good &= set(both[i], "verbose", "0");
		good &= set(both[i], "task-filter", "N");
		good &= set(both[i], "ignore-gfp-wait", "N");
		good &= set(both[i], "times", "-1");
		good &= set(both[i], "stacktrace-depth", "32");
		good &= set(both[i], "require-end", MODULES_END);
		good &= set(both[i], "require-start", MODULES_BEGIN);
	}
	good &= set("fail_page_alloc", "min-order", "0");
	/* what user space gives and takes is not to be tested here */
	set("fail_usercopy", "verbose", "0");
	set("fail_usercopy", "require-start", "1");
	set("fail_usercopy", "require-end", "2");
	return good;
}

/* The nth allocation that this thread makes from here on fails; 0: none. */
static void fail_nth(int n)
{
	char text[16];
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY);

	snprintf(text, sizeof(text), "%d", n);
	if (write(fd, text, strlen(text)) < 0)
		perror("fail-nth");
	close(fd);
}

/* Ends that.  Whether it came to it. */
static bool failed(void)
{
	char text[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0)
		perror("fail-nth");
	close(fd);
	fail_nth(0);
	return !atoi(text);
}

static bool no_memory(int err)
{
	return err == ENOMEM || err == ENOBUFS;
}

/* ---- a call, step by step -------------------------------------------- */

enum step {
	SERVER_SOCKET, BIND, CLIENT_SOCKET, OPTIONS, CONNECT, SEND, RECEIVE,
	ANSWER, REPLY, CLOSE, STEPS,
};

static const char *const names[STEPS] = {
	"socket", "bind", "a client's socket", "options", "connect", "send",
	"receive", "answer", "receiving the reply", "close",
};

static struct call {
	int srv, cl;
	uint32_t id, len;
	struct sockaddr_xrpc at, from;
} c;

static unsigned char buf[65536];

static int options(int fd)
{
	int on = 1, size = 1 << 20;
	uint64_t us = 30000000;

	return setsockopt(fd, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us,
			  sizeof(us)) ||
	       setsockopt(fd, SOL_XRPC, XRPC_ACCEPT_REPLAYABLE, &on,
			  sizeof(on)) ||
	       setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) ||
	       setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) ||
	       setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0) ? errno : 0;
}

/* One step.  Returns 0 or an errno; -1 where it did a wrong thing. */
static int step(enum step s)
{
	ssize_t n;

	switch (s) {
	case SERVER_SOCKET:
		c.srv = socket(AF_XRPC, SOCK_RDM, 0);
		return c.srv < 0 ? errno : 0;
	case BIND:
		return bind(c.srv, (void *)&c.at, sizeof(c.at)) ? errno : 0;
	case CLIENT_SOCKET:
		c.cl = socket(AF_XRPC, SOCK_RDM, 0);
		return c.cl < 0 ? errno : 0;
	case OPTIONS:
		return options(c.cl);
	case CONNECT:
		return connect(c.cl, (void *)&c.at, sizeof(c.at)) ? errno : 0;
	case SEND:
		c.id = next_id++;
		fill_call(buf, c.id, c.len);
		n = send(c.cl, buf, c.len, 0);
		if (n < 0)
			told[c.id] = NOT_EXECUTED;
		return n == (ssize_t)c.len ? 0 : n < 0 ? errno : -1;
	case RECEIVE:
		if (!readable(c.srv, 20000))
			return -1;
		n = get_request(c.srv, buf, sizeof(buf), &c.from);
		if (n < 0)
			return errno;
		if (!is_call(buf, n, c.id, c.len))
			return -1;
		return ran[c.id]++ ? -1 : 0;
	case ANSWER:
		fill_call(buf, c.id, c.len);
		n = give_answer(c.srv, buf, c.len, &c.from);
		return n == (ssize_t)c.len ? 0 : n < 0 ? errno : -1;
	case REPLY:
		if (!readable(c.cl, 20000))
			return -1;
		n = recv(c.cl, buf, sizeof(buf), 0);
		if (n < 0)
			return errno;
		if (!is_call(buf, n, c.id, c.len))
			return -1;
		told[c.id] = REPLIED;
		return 0;
	default:
		return close(c.cl) || close(c.srv) ? errno : 0;
	}
}

/* The call with one allocation failing in one step.  Returns whether there is
 * one more to fail.
 */
static bool call_failing(enum step where, int n, unsigned int *says,
			 unsigned int *wrong)
{
	bool more = true;
	int s, err;

	for (s = 0; s < STEPS; s++) {
		if (s == (int)where)
			fail_nth(n);
		err = step(s);
		if (s == (int)where) {
			more = failed();
			if (err > 0 && more) {
				++*says;
				/* that is the kernel's for a socket inside */
				if (!no_memory(err) &&
				    !(err == ENFILE && s <= CONNECT)) {
					printf("# %s, allocation %d: %s\n",
					       names[s], n, strerror(err));
					++*wrong;
				}
				/* what failed can be done again */
				err = step(s);
			}
		}
		if (err) {
			printf("# %s, after allocation %d of %s: %s\n",
			       names[s], n, names[where],
			       err < 0 ? "wrong" : strerror(err));
			++*wrong;
			break;
		}
	}
	if (s < STEPS) {
		close(c.cl);
		close(c.srv);
	}
	return more;
}

/* One that lingers knows other sessions already. */
static struct sockaddr_xrpc elsewhere(const char *host)
{
	static int port = PORT;

	return at(host, port++, 0);
}

static void test_steps(const char *host, uint32_t len)
{
	unsigned int all = 0;
	int s, n;

	c.len = len;
	for (s = 0; s < STEPS; s++) {
		unsigned int says = 0, wrong = 0;

		for (n = 1; n < 500; n++) {
			c.at = elsewhere(host);
			if (!call_failing(s, n, &says, &wrong) || wrong > 3)
				break;
		}
		all += n - 1;
		ok(!wrong && n < 500,
		   "%u bytes to %s: %d allocations fail in %s, %u of them told",
		   len, host, n - 1, names[s], says);
	}
	ok(all > 20, "%u bytes to %s: %u in all", len, host, all);
}

/* ---- what packets allocate ------------------------------------------- */

/*
 * Those that may not sleep, in interrupts as well.  Where an interval is set
 * the kernel counts them, and one fails whose number is a multiple of it; none
 * is counted after that.  So the number is known once one has failed.
 */
static long counted[2];

static void fail_after(int fault, int n)
{
	set_long(both[fault], "interval", counted[fault] + n);
	set_long(both[fault], "times", 1);
	set_long(both[fault], "probability", 100);
}

static bool has_failed(int fault, int n)
{
	if (get_long(both[fault], "times"))
		return false;
	set_long(both[fault], "probability", 0);
	counted[fault] += n;
	return true;
}

/* A call of which any step may say that there is no memory, a few times. */
static bool whole_call(int fault, int n)
{
	int s, err, times;

	c.at = elsewhere("127.0.0.1");
	for (s = 0; s < STEPS; s++) {
		for (times = 0; times < 3; times++) {
			err = step(s);
			if (!no_memory(err))
				break;
		}
		if (err)
			break;
	}
	if (s == STEPS)
		return true;
	printf("# %s, after %s, %d: %s\n", names[s], both[fault], n,
	       err < 0 ? "wrong" : strerror(err));
	close(c.cl);
	close(c.srv);
	return false;
}

static void test_packets(int fault, uint32_t len)
{
	bool good = true, end = false;
	uint64_t begin, longest = 0;
	int n;

	c.len = len;
	set(both[fault], "ignore-gfp-wait", "Y");
	for (n = 1; good && !end && n < 500; n++) {
		begin = ms_now();
		fail_after(fault, n);
		good = whole_call(fault, n);
		if (ms_now() - begin > longest)
			longest = ms_now() - begin;
		/* there is none left, but the count must be known */
		for (end = !has_failed(fault, n); end && good; ) {
			good = whole_call(fault, n);
			if (has_failed(fault, n))
				break;
		}
	}
	set(both[fault], "probability", "0");
	set(both[fault], "interval", "1");
	set(both[fault], "ignore-gfp-wait", "N");
	/* nothing waits for what a second try gives at once, or for a deadline */
	ok(good && n < 500 && n > 2 && longest < 5000,
	   "%u bytes: %d allocations of %s fail in packets, the call is made (%d ms)",
	   len, n - 2, both[fault], (int)longest);
}

/* Have the numbers known: nothing has counted before this. */
static void test_all_packets(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		c.len = LONG;
		set(both[i], "ignore-gfp-wait", "Y");
		fail_after(i, 2);
		ok(whole_call(i, 2) && has_failed(i, 2), "%s fails", both[i]);
		if (!i)
			test_packets(i, SHORT);
		test_packets(i, LONG);
	}
}

/* ---- calls of one system call ---------------------------------------- */

static void *server(void *arg)
{
	unsigned char *req = malloc(65536), *rep = malloc(65536);
	struct xrpc_serve_args a = { .req = (uintptr_t)req,
				     .reply = (uintptr_t)rep };
	int fd = (long)arg;
	uint32_t id;

	while (!stop) {
		a.req_len = 65536;
		a.flags = 0;
		if (ioctl(fd, XRPC_IOC_SERVE, &a)) {
			/* no memory for the answer: it is given again */
			if (a.flags & XRPC_SERVE_ANSWERED || !no_memory(errno))
				a.call = 0;
			usleep(500);
			continue;
		}
		memcpy(&id, req, sizeof(id));
		if (id < IDS)
			ran[id]++;
		memcpy(rep, req, a.req_len);
		a.reply_len = a.req_len;
	}
	free(req);
	free(rep);
	return NULL;
}

static struct {
	atomic_uint replied, not_executed, unknown, wrong;
} count;

static bool faulty;		/* a call may fail */

static int one_call(int fd, uint32_t len)
{
	unsigned char *b = malloc(65536), *rep = malloc(65536);
	uint32_t id = next_id++;
	struct xrpc_call_args a = { .req = (uintptr_t)b, .req_len = len,
				    .reply = (uintptr_t)rep,
				    .reply_len = 65536, .outcome = 99 };
	int err;

	fill_call(b, id, len);
	err = ioctl(fd, XRPC_IOC_CALL, &a) ? errno : 0;
	if (!err) {
		told[id] = REPLIED;
		count.replied++;
		if (!is_call(rep, a.reply_len, id, len)) {
			count.wrong++;
			printf("# call %u: another's reply\n", id);
		}
	} else if (a.outcome == XRPC_NOT_EXECUTED) {
		told[id] = NOT_EXECUTED;
		count.not_executed++;
	} else {
		told[id] = UNKNOWN;
		count.unknown++;
		/* a packet that finds no memory is not acknowledged, and comes
		 * again: nothing but its time ends a call
		 */
		if (err != ETIMEDOUT) {
			count.wrong++;
			printf("# call %u, %u bytes: unknown, %s\n", id, len,
			       strerror(err));
		}
	}
	if (err && !faulty)
		printf("# call %u, %u bytes: %s\n", id, len, strerror(err));
	free(b);
	free(rep);
	return err;
}

static void test_one_syscall(int fd)
{
	static const uint32_t lens[] = { SHORT, LONG };
	unsigned int i;
	int n, err;

	for (i = 0; i < 2; i++) {
		unsigned int wrong = 0, errors = 0;

		for (n = 1; n < 500; n++) {
			faulty = true;
			fail_nth(n);
			err = one_call(fd, lens[i]);
			faulty = false;
			if (!failed()) {
				wrong += err != 0;
				break;
			}
			errors += err != 0;
			wrong += err && !no_memory(err);
		}
		ok(!wrong && n < 500 && n > 1,
		   "one-syscall calls of %u bytes: %d allocations fail, %u told",
		   lens[i], n - 1, errors);
	}
}

/* Answer and wait: one request is answered where the next is received. */
static void test_serve(uint32_t len)
{
	static unsigned char rep[65536];
	struct xrpc_serve_args a = { .req = (uintptr_t)buf,
				     .reply = (uintptr_t)rep };
	struct sockaddr_xrpc there = elsewhere("127.0.0.1");
	int srv = server_at(there), cl = client_to(there), n, err, tries;
	unsigned int says = 0, wrong = 0;
	uint32_t id = 0, last;
	bool more = true;

	for (n = 1; more && !wrong && n < 500; n++) {
		last = id;
		id = next_id++;
		fill_call(buf, id, len);
		if (send(cl, buf, len, 0) < 0 || !readable(srv, 20000))
			wrong++;
		fill_call(rep, last, len);
		a.reply_len = len;
		fail_nth(n);
		for (tries = 0; tries < 3; tries++) {
			a.flags = 0;
			a.req_len = sizeof(buf);
			err = ioctl(srv, XRPC_IOC_SERVE, &a) ? errno : 0;
			if (!tries)
				more = failed();
			if (!no_memory(err))
				break;
			says++;
			if (a.flags & XRPC_SERVE_ANSWERED)
				a.call = 0;
		}
		wrong += err || !is_call(buf, a.req_len, id, len);
		ran[id]++;
		if (!last)
			continue;
		if (!readable(cl, 20000) ||
		    !is_call(rep, recv(cl, rep, sizeof(rep), 0), last, len))
			wrong++;
		told[last] = REPLIED;
	}
	ok(!wrong && n > 3, "answer and wait, %u bytes: %d fail, %u told", len,
	   n - 2, says);
	close(cl);
	close(srv);
}

/* ---- at random, while calls run -------------------------------------- */

static struct sockaddr_xrpc busy;	/* where the server is */

static void *caller(void *arg)
{
	static const uint32_t lens[] = { 16, 1000, 9000, LONG, 65536 };
	int i, calls = (long)arg & 0xffff, fd = (long)arg >> 16, own = -1;

	for (i = 0; i < calls; i++) {
		/* every other one opens a session */
		if (i % 4 == 1) {
			if (own >= 0)
				close(own);
			own = socket(AF_XRPC, SOCK_RDM, 0);
			if (own >= 0 && connect(own, (void *)&busy,
						sizeof(busy))) {
				close(own);
				own = -1;
			}
		}
		one_call(i % 2 && own >= 0 ? own : fd, lens[i % 5]);
	}
	if (own >= 0)
		close(own);
	return NULL;
}

static void callers(int fd, int calls)
{
	pthread_t t[4];
	long i;

	memset(&count, 0, sizeof(count));
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, caller,
			       (void *)((long)fd << 16 | calls));
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void at_random(int fd, int fault, int percent, bool all, int calls)
{
	const long most = 1000000;
	const char *where = all ? "all" : "packets and timers";
	long faults;

	set(both[fault], "ignore-gfp-wait", all ? "N" : "Y");
	set_long(both[fault], "times", most);
	set_long(both[fault], "probability", percent);
	faulty = true;
	callers(fd, calls);
	faulty = false;
	set(both[fault], "probability", "0");
	faults = most - get_long(both[fault], "times");
	printf("# %ld faults: %u replied, %u not executed, %u unknown\n",
	       faults, count.replied, count.not_executed, count.unknown);
	ok(!count.wrong && count.replied && faults > calls / 2,
	   "%d%% of %s fail in %s while calls run", percent, both[fault],
	   where);
	callers(fd, 10);
	ok(count.replied == 40 && !count.wrong, "calls after that (%u of 40)",
	   count.replied);
}

/* ---- namespaces, and the module -------------------------------------- */

static void test_namespaces(void)
{
	unsigned int says = 0, wrong = 0;
	bool more = true;
	int n, status;
	pid_t pid;

	for (n = 1; more && n < 500; n++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			int err;

			fail_nth(n);
			err = unshare(CLONE_NEWNET) ? errno : 0;
			more = failed();
			if (err && !no_memory(err))
				_exit(4);
			/* one without its part of this could not do it */
			if (!err && (socket(AF_XRPC, SOCK_RDM, 0) < 0 ||
				     counter("CallsIn") != 0))
				_exit(8);
			_exit(more | (err ? 2 : 0));
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			break;
		status = WEXITSTATUS(status);
		more = status & 1;
		says += status == 3;
		wrong += status == 2 || status > 3;
		if (status == 2 || status > 3)
			printf("# namespace, allocation %d: %d\n", n, status);
	}
	ok(!wrong && says && !more, "%d allocations of a namespace fail, %u told",
	   n - 2, says);
}

static bool unloaded(void)
{
	uint64_t end = ms_now() + 30000;

	while (syscall(SYS_delete_module, "xrpc", O_NONBLOCK)) {
		if (ms_now() > end)
			return false;
		usleep(10000);
	}
	return true;
}

/* All of them would take minutes: at first each, then fewer. */
static void test_loading(void)
{
	int fd = open(MODULE, O_RDONLY | O_CLOEXEC), n, err, times = 0;
	unsigned int says = 0, wrong = 0;
	bool loaded = true, more = true;

	if (fd < 0) {
		ok(true, "loading # SKIP no %s to load", MODULE);
		return;
	}
	for (n = 1; more && !wrong && n < 5000; n += 1 + n / 4, times++) {
		if (loaded && !unloaded()) {
			wrong++;
			break;
		}
		fail_nth(n);
		err = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
		more = failed();
		loaded = !err;
		if (!err)
			continue;
		says++;
		wrong += !more || !no_memory(err);
		if (!more || !no_memory(err))
			printf("# loading, allocation %d: %s\n", n,
			       strerror(err));
	}
	close(fd);
	c.len = SHORT;
	ok(!wrong && says && !more && whole_call(0, 0),
	   "%d allocations of loading fail, %u told", times - 1, says);
}

/* ---------------------------------------------------------------------- */

/* Nothing ran twice, and what was told of each call is true still. */
static unsigned int lies(void)
{
	unsigned int i, n = 0;

	for (i = 1; i < next_id && i < IDS; i++) {
		if (ran[i] <= 1 && !(told[i] == REPLIED && !ran[i]) &&
		    !(told[i] == NOT_EXECUTED && ran[i]))
			continue;
		if (n++ < 10)
			printf("# call %u: told %u, ran %u times\n", i, told[i],
			       ran[i]);
	}
	return n;
}

int main(void)
{
	int srv, cl, size = 4 << 20;
	pthread_t t;

	tap_begin();
	close(xrpc_socket());
	if (!prepare()) {
		printf("1..0 # SKIP no fault injection here\n");
		return 4;
	}
	run("ip link set lo up");
	test_steps("127.0.0.1", SHORT);
	test_steps("127.0.0.1", LONG);
	test_steps("::1", 65536);
	test_all_packets();
	test_serve(SHORT);
	test_serve(LONG);

	busy = at("127.0.0.1", 6000, 0);
	srv = server_at(busy);
	/* the calls that run at once all fit */
	setsockopt(srv, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	cl = client_to(busy);
	pthread_create(&t, NULL, server, (void *)(long)srv);
	test_one_syscall(cl);
	at_random(cl, 0, 5, false, 40);
	at_random(cl, 0, 15, false, 20);
	at_random(cl, 0, 10, true, 40);
	at_random(cl, 1, 10, false, 40);
	at_random(cl, 1, 10, true, 40);
	stop = true;
	shutdown(srv, SHUT_RD);
	pthread_join(t, NULL);
	close(srv);
	close(cl);

	test_namespaces();
	test_loading();
	ok(!lies(), "nothing ran twice, and what was told is true");
	return tap_end();
}
