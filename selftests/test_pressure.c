// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=smp kernels=6.1,6.12 threads=multi timeout=300
 *
 * Little memory: a server in a small control group, with small socket buffers,
 * and at the protocol's own limit.  New calls are refused, recorded as not
 * executed; those that were accepted are answered; what is told of each is
 * true; and when there is memory again all is as before.
 */
#include "netns.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PORT	7000
#define IDS	65536
#define CGROUP	"/sys/fs/cgroup"
#define MB	(1024 * 1024)

struct record {
	atomic_uchar ran, answered;
	unsigned char told;		/* 1 + enum xrpc_outcome; 9: not begun */
	unsigned char wrong;
	int error;
};

static struct shared {
	atomic_uint next_id, results, sent, clients;
	atomic_bool serve, ready;
	struct record r[IDS];
} *shared;

struct request {
	uint32_t id, len, reply_len, magic;
};

static int server_buf, client_buf;	/* bytes, 0: as they are */
static uint64_t calls_before;		/* of other tests */
static unsigned int together = 1;	/* clients that begin at once */

/* ---- control groups -------------------------------------------------- */

static bool cgroup_write(const char *group, const char *file, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUP "/%s/%s", group, file);
	return write_file(path, value);
}

/* A number in a file of a group; @name is the line's, or "" for its first. */
static long cgroup_read(const char *group, const char *file, const char *name)
{
	char path[128], line[128];
	long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), CGROUP "/%s/%s", group, file);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		size_t n = strlen(name);

		if (!strncmp(line, name, n) && (!n || line[n] == ' ')) {
			v = atol(line + n);
			break;
		}
	}
	if (f)
		fclose(f);
	return v;
}

static bool cgroup_make(const char *group)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUP "/%s", group);
	return (!mkdir(path, 0755) || errno == EEXIST) &&
	       cgroup_read(group, "memory.current", "") >= 0;
}

/* This process may have so much more than it has. */
static void confine(const char *group, long more)
{
	char value[32];

	/* what is touched later is touched now: who has no memory for a page of
	 * its own is killed, and rightly
	 */
	if (mlockall(MCL_CURRENT))
		printf("# mlockall: %s\n", strerror(errno));
	if (!cgroup_write(group, "cgroup.procs", "0")) {
		printf("Bail out! %s: %s\n", group, strerror(errno));
		_exit(1);
	}
	snprintf(value, sizeof(value), "%ld",
		 cgroup_read(group, "memory.current", "") + more);
	cgroup_write(group, "memory.max", value);
}

/* ---- server ---------------------------------------------------------- */

static bool sysctl(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/xrpc/%s", name);
	return write_file(path, value);
}

static void set_size(int fd, int option, int size)
{
	if (size)
		setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size));
}

static unsigned char *room(void)
{
	return mmap(NULL, 4 * 65536, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

static _Noreturn void server(const char *group, long more)
{
	unsigned char *req = room(), *rep = req + 65536;
	struct xrpc_serve_args a = { .req = (uintptr_t)req,
				     .reply = (uintptr_t)rep };
	struct request r;
	uint32_t id = 0;
	int fd;

	fd = server_at(at("127.0.0.1", PORT, 0));
	set_size(fd, SO_RCVBUFFORCE, server_buf);
	if (group) {
		close(fd);
		confine(group, more);
		/* a socket belongs to the group it was made in */
		fd = server_at(at("127.0.0.1", PORT, 0));
		set_size(fd, SO_RCVBUFFORCE, server_buf);
	}
	shared->ready = true;
	for (;;) {
		while (!shared->serve)
			usleep(10000);
		a.req_len = 65536;
		a.flags = 0;
		if (ioctl(fd, XRPC_IOC_SERVE, &a)) {
			/* an answer for which there is no memory is kept here
			 * and given again
			 */
			if (errno == ENOBUFS && a.call &&
			    !(a.flags & XRPC_SERVE_ANSWERED)) {
				usleep(1000);
				continue;
			}
			if (id && a.flags & XRPC_SERVE_ANSWERED)
				shared->r[id].answered++;
			id = 0;
			a.call = 0;
			usleep(1000);
			continue;
		}
		if (id && a.flags & XRPC_SERVE_ANSWERED)
			shared->r[id].answered++;
		id = 0;
		memcpy(&r, req, sizeof(r));
		a.reply_len = 0;
		if (a.req_len < sizeof(r) || r.id >= IDS || r.len != a.req_len)
			continue;
		id = r.id;
		shared->r[id].ran++;
		memcpy(rep, &r, sizeof(r));
		a.reply_len = r.reply_len;
	}
}

/* ---- client ---------------------------------------------------------- */

static uint64_t seed = 7;

static uint32_t some_len(uint32_t most)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	switch (seed >> 60) {
	case 0 ... 7:
		return sizeof(struct request) + (seed >> 33) % 200;
	case 8 ... 12:
		return sizeof(struct request) + (seed >> 33) % 4000;
	default:
		return sizeof(struct request) +
		       (seed >> 33) % (most - sizeof(struct request));
	}
}

static bool send_one(int fd, unsigned char *b, uint32_t len, uint32_t reply_len)
{
	struct request r = { shared->next_id++, len, reply_len, 0x5072 };
	char control[CMSG_SPACE(8)] = {};
	struct iovec iov = { b, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	uint64_t cookie = r.id;

	memcpy(b, &r, sizeof(r));
	c->cmsg_level = SOL_XRPC;
	c->cmsg_type = XRPC_COOKIE;
	c->cmsg_len = CMSG_LEN(8);
	memcpy(CMSG_DATA(c), &cookie, 8);
	if (sendmsg(fd, &m, MSG_DONTWAIT) < 0) {
		shared->r[r.id].told = 9;
		shared->r[r.id].error = errno;
		return false;
	}
	shared->sent++;
	return true;
}

/* Take one result; a timeout of the socket's is none. */
static bool result(int fd, unsigned char *b)
{
	char control[256];
	struct iovec iov = { b, 65536 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct xrpc_result res = { .outcome = 8 };
	uint64_t cookie = 0;
	struct record *rec;
	struct cmsghdr *c;
	struct request r;
	ssize_t n;

	n = recvmsg(fd, &m, 0);
	if (n < 0)
		return false;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == XRPC_COOKIE)
			memcpy(&cookie, CMSG_DATA(c), 8);
		else if (c->cmsg_type == XRPC_OUTCOME)
			memcpy(&res, CMSG_DATA(c), sizeof(res));
	}
	rec = &shared->r[cookie % IDS];
	rec->wrong |= rec->told || res.outcome > XRPC_UNKNOWN;
	rec->told = 1 + res.outcome;
	rec->error = res.error;
	if (res.outcome == XRPC_REPLIED) {
		memcpy(&r, b, sizeof(r));
		rec->wrong |= n < (ssize_t)sizeof(r) || r.id != cookie ||
			      r.reply_len != n;
	}
	shared->results++;
	return true;
}

/* Calls of up to @most bytes each way, @window of them at a time. */
static _Noreturn void client(const char *group, long more, int calls,
			     int window, uint32_t most, bool all_long)
{
	unsigned char *b = room(), *in = b + 65536;
	int fd, one = 1, begun = 0, sent = 0, got = 0;
	uint64_t us = 60000000;

	if (group)
		confine(group, more);
	fd = client_to(at("127.0.0.1", PORT, 0));
	set_size(fd, SO_SNDBUFFORCE, client_buf);
	set_size(fd, SO_RCVBUFFORCE, client_buf);
	setsockopt(fd, SOL_XRPC, XRPC_RECVINFO, &one, sizeof(one));
	setsockopt(fd, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
	/* a socket that finds a full group has its process killed */
	shared->clients++;
	while (shared->clients < together)
		usleep(1000);
	while (begun < 4 * calls && (sent < calls || got < sent)) {
		if (sent < calls && sent - got < window) {
			uint32_t len = all_long ? most : some_len(most);

			begun++;
			if (send_one(fd, b, len, all_long ? 100 :
				     some_len(most))) {
				sent++;
				continue;
			}
			/* no room: until a result is here, or for a while */
			if (sent == got) {
				usleep(1000);
				continue;
			}
		}
		if (!result(fd, in))
			break;
		got++;
	}
	while (got < sent && result(fd, in))
		got++;
	_exit(got < sent);
}

/* ---- the cases ------------------------------------------------------- */

struct tally {
	unsigned int calls, replied, busy, not_executed, unknown, not_begun,
		     untold, lies;
};

static struct tally judge(void)
{
	struct tally t = { .calls = shared->next_id - 1 };
	unsigned int i;

	for (i = 1; i < shared->next_id; i++) {
		struct record *r = &shared->r[i];
		bool lie = r->wrong || r->ran > 1 || r->answered > 1;

		switch (r->told) {
		case 1 + XRPC_REPLIED:
			t.replied++;
			lie |= !r->ran;
			break;
		case 1 + XRPC_NOT_EXECUTED:
			t.not_executed++;
			t.busy += r->error == EBUSY;
			if (r->error != EBUSY && t.not_executed - t.busy == 1)
				printf("# call %u: %s\n", i,
				       strerror(r->error));
			lie |= r->ran;
			break;
		case 1 + XRPC_UNKNOWN:
			t.unknown++;
			break;
		case 9:
			t.not_begun++;
			lie |= r->ran;
			break;
		default:
			t.untold++;
		}
		if (lie && t.lies++ < 10)
			printf("# call %u: told %u (%s), ran %u, answered %u, wrong %u\n",
			       i, r->told, strerror(r->error), r->ran,
			       r->answered, r->wrong);
	}
	printf("# %u calls: %u replied, %u busy, %u else not executed, %u unknown, %u not begun, %u not told\n",
	       t.calls, t.replied, t.busy, t.not_executed - t.busy, t.unknown,
	       t.not_begun, t.untold);
	return t;
}

static pid_t start_server(const char *group, long more)
{
	pid_t pid;
	int i;

	memset(shared, 0, sizeof(*shared));
	shared->next_id = 1;
	fflush(stdout);
	pid = fork();
	if (!pid)
		server(group, more);
	for (i = 0; i < 300 && !shared->ready; i++)
		usleep(100000);
	return pid;
}

static pid_t start_client(const char *group, long more, int calls, int window,
			  uint32_t most, bool all_long)
{
	pid_t pid = fork();

	if (!pid)
		client(group, more, calls, window, most, all_long);
	return pid;
}

/* Whether a process ended well by itself. */
static bool ended(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

static void stop_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Wait until neither calls nor results come any more. */
static void stalled(void)
{
	unsigned int was = 0, now;
	int quiet = 0;

	while (quiet < 10) {
		usleep(200000);
		now = shared->results + shared->sent + counter("CallsIn");
		quiet = now == was ? quiet + 1 : 0;
		was = now;
	}
}

/*
 * A server that does not look at its queue has little memory: when it looks,
 * all that was accepted is answered.
 */
static void full(const char *name, const char *group, long more, int calls,
		 void (*when_full)(const char *name))
{
	pid_t srv, cl;
	struct tally t;

	server_buf = client_buf = 256 * MB;
	srv = start_server(group, more);
	cl = start_client(NULL, 0, calls, calls, 60000, true);
	stalled();
	printf("# %u sent, %u results, %lu pages\n",
	       (unsigned int)shared->sent, (unsigned int)shared->results,
	       counter("MemPages"));
	when_full(name);
	shared->serve = true;
	ok(ended(cl), "%s: all calls are told of", name);
	t = judge();
	ok(!t.lies && t.replied && !t.unknown && !t.untold &&
	   t.replied + t.not_executed + t.not_begun == t.calls,
	   "%s: all that was accepted is replied to, the rest never runs", name);
	stop_server(srv);
}

/* The kernel lets a group's sockets have more than it may, and makes it pay. */
static void group_full(const char *name)
{
	long sock = cgroup_read("xrpc-server", "memory.stat", "sock");
	struct tally t = judge();

	/* so that it is not always refused */
	ok(t.busy == t.not_executed && !t.unknown && !t.replied,
	   "%s: nothing but new calls is refused (%u)", name, t.busy);
	ok(sock >= (long)(counter("CallsIn") - calls_before) * 60000 &&
	   sock > MB,
	   "%s: it is charged for its queue (%ld bytes)", name, sock);
}

static long mem[3];

/* What is here already comes first: new calls do not get at the last third. */
static void limit_full(const char *name)
{
	struct tally t = judge();
	long pages = counter("MemPages");

	ok(t.busy && !t.unknown && !t.replied,
	   "%s: what does not fit is refused as busy", name);
	ok(pages <= (mem[1] + mem[2]) / 2,
	   "%s: before there is none (%ld pages of %ld)", name, pages, mem[2]);
}

/* Clients and server with little memory, all at work. */
static void test_mixed(const char *name, const char *sg, const char *cg,
		       long more, int buf, int calls)
{
	struct tally t;
	pid_t srv, cl[3];
	bool good = true;
	int i;

	server_buf = client_buf = buf;
	srv = start_server(sg, more);
	shared->serve = true;
	together = 3;
	for (i = 0; i < 3; i++)
		cl[i] = start_client(cg, more / 4, calls, 32, 65536,
				     false);
	together = 1;
	for (i = 0; i < 3; i++)
		good &= ended(cl[i]);
	ok(good, "%s: all calls are told of", name);
	t = judge();
	ok(!t.lies && t.replied && !t.untold, "%s: and the truth", name);
	server_buf = client_buf = 0;
	if (sg) {
		cgroup_write(sg, "memory.max", "max");
		cgroup_write(cg, "memory.max", "max");
		shared->next_id = 1;
		memset(shared->r, 0, sizeof(shared->r));
	} else {
		stop_server(srv);
		srv = start_server(NULL, 0);
		shared->serve = true;
	}
	ok(ended(start_client(NULL, 0, calls, 8, 5000, false)),
	   "%s: calls after it", name);
	t = judge();
	ok(!t.lies && t.replied == t.calls, "%s: are replied to", name);
	stop_server(srv);
}

/* What is charged is given back. */
static bool returned(uint64_t pages)
{
	int i;

	/* each processor may keep a megabyte unaccounted for */
	for (i = 0; i < 100; i++) {
		if (counter("MemPages") <= pages + 512 && !counter("KeptBytes"))
			return true;
		usleep(100000);
	}
	printf("# %lu pages, %lu at first; %lu bytes kept\n",
	       counter("MemPages"), pages, counter("KeptBytes"));
	return false;
}

static void test_groups(uint64_t pages)
{
	cgroup_write("", "cgroup.subtree_control", "+memory");
	if (!cgroup_make("xrpc-server") || !cgroup_make("xrpc-client")) {
		ok(true, "control groups # SKIP there are none");
		return;
	}
	full("a small group", "xrpc-server", 8 * MB, 400, group_full);
	ok(returned(pages) &&
	   !cgroup_read("xrpc-server", "memory.stat", "sock"),
	   "a small group: its memory is given back");
	test_mixed("two small groups", "xrpc-server", "xrpc-client", MB,
		   16 * MB, scaled(1000));
	ok(returned(pages), "two small groups: memory is given back");
	ok(cgroup_read("xrpc-client", "memory.events", "max") > 0,
	   "two small groups: the clients' was full (%ld times)",
	   cgroup_read("xrpc-client", "memory.events", "max"));
	ok(!cgroup_read("xrpc-server", "memory.events", "oom_kill") &&
	   !cgroup_read("xrpc-client", "memory.events", "oom_kill"),
	   "nobody was killed");
}

static void test_limit(uint64_t pages)
{
	char old[100] = "";
	FILE *f = fopen("/proc/sys/net/xrpc/mem", "r");

	if (!f || !fgets(old, sizeof(old), f) ||
	    !sysctl("mem", "1536 2048 3072")) {
		ok(true, "the protocol's limit # SKIP cannot be changed here");
		return;
	}
	fclose(f);
	mem[0] = 1536;
	mem[1] = 2048;
	mem[2] = 3072;
	/* each call counts at both ends */
	full("the protocol's limit", NULL, 0, 400, limit_full);
	ok(returned(pages), "the protocol's limit: all is given back");
	test_mixed("at the limit", NULL, NULL, 0, 16 * MB, scaled(1000));
	ok(returned(pages), "at the limit: all is given back");
	sysctl("mem", old);
}

int main(void)
{
	uint64_t pages;

	tap_begin();
	close(xrpc_socket());
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	run("ip link set lo up");
	pages = counter("MemPages");
	calls_before = counter("CallsIn");
	test_groups(pages);
	test_mixed("small buffers", NULL, NULL, 0, 4096, scaled(500));
	ok(returned(pages), "small buffers: memory is given back");
	sysctl("kept_session_max_bytes", "65536");
	sysctl("kept_max_bytes", "131072");
	test_mixed("few replies kept", NULL, NULL, 0, 16 * MB, scaled(500));
	ok(returned(pages), "few replies kept: memory is given back");
	sysctl("kept_session_max_bytes", "8388608");
	sysctl("kept_max_bytes", "268435456");
	test_limit(pages);
	return tap_end();
}
