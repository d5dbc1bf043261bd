// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=100000
 *
 * The crash matrix: whatever dies, and whenever, a plain call runs at most once
 * and its client is told the truth.
 *
 *	crash	who or what dies or is cut off (struct row)
 *	phase	how far the call had come by then (enum phase)
 *	kind	plain or replayable
 *	net	clean: packets under way at the crash are lost; mute: so are all
 *		others until something is there again; held: all of them arrive
 *		after the crash, twice, once more when the call's end has been
 *		told, and minutes later
 *
 * The truth is what servers write to a log when they run a request, before they
 * answer it.  What clients were told is compared with it when all is over.
 *
 *	namespace c                this program                 namespace s
 *	client v0 ============ m0  middlebox  m1 ============ v1 server
 *
 * "test_crash_matrix hosts" has the server in a second guest, where "test_crash_matrix peer"
 * runs, instead of m1 the card that leads there, and prints what was told;
 * "test_crash_matrix judge LOG" compares that with the log.  test_crash_hosts.sh does
 * all of it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "middlebox.h"
#include "tap.h"

#define FIRST_PORT	5000
#define LONG		5000	/* bytes of a message of several packets */
#define SHORT		40
#define AGENT_PORT	900
#define CELLS_MAX	1024
#define KEEP_MAX	64	/* frames of a cell */
#define PATIENCE	45000	/* ms: longer than any call's deadline */

#define MODULE		"/xrpc/xrpc.ko"

/* ---- messages and the log -------------------------------------------- */

/* Requests and replies; the rest is a pattern.  Those with id 0 only try. */
struct message {
	uint32_t what;		/* REQUEST, REPLY */
	uint32_t id;
	uint32_t reply;		/* bytes wanted in the reply */
	uint32_t len;
	unsigned char body[LONG];
};

enum { REQUEST = 0x71657221, REPLY = 0x6c706572 };

static unsigned char pattern(const struct message *m, unsigned int i)
{
	return m->what + m->id * 31 + i * 131 + (i >> 8);
}

static void make(struct message *m, uint32_t what, uint32_t id, uint32_t len,
		 uint32_t reply)
{
	unsigned int i;

	m->what = what;
	m->id = id;
	m->reply = reply;
	m->len = len;
	for (i = 0; i < len - offsetof(struct message, body); i++)
		m->body[i] = pattern(m, i);
}

static bool is_right(const struct message *m, uint32_t what, ssize_t len)
{
	unsigned int i;

	if (len < (ssize_t)offsetof(struct message, body) || m->what != what ||
	    m->len != len)
		return false;
	for (i = 0; i < len - offsetof(struct message, body); i++) {
		if (m->body[i] != pattern(m, i))
			return false;
	}
	return true;
}

static const char *log_path = "/tmp/crash.log";

/* A request is about to run: from here on it has, whatever happens. */
static void log_run(const struct message *m, ssize_t len)
{
	int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0644);

	if (fd < 0) {
		perror("log");
		exit(1);
	}
	if (!is_right(m, REQUEST, len))
		dprintf(fd, "bad %zd\n", len);
	else if (m->id)
		dprintf(fd, "ran %u\n", m->id);
	/* it must be out when the machine stops dead */
	if (isatty(fd))
		tcdrain(fd);
	close(fd);
}

/* ---- processes that are told what to do, line by line ----------------- */

static bool get_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size) {
		if (read(fd, line + n, 1) != 1)
			return false;
		if (line[n] == '\n') {
			line[n] = 0;
			return true;
		}
		n++;
	}
	return false;
}

static void enter_ns(const char *ns)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static int patient_socket(void)
{
	struct timeval tv = { .tv_sec = 2 * PATIENCE / 1000 };
	int fd = xrpc_socket();

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

static void answer(int fd, const struct message *req,
		   const struct sockaddr_xrpc *to)
{
	struct message m;

	make(&m, REPLY, req->id, req->reply, 0);
	give_answer(fd, &m, req->reply, to);
}

/*
 * A server: does one step of its work at a time, or all of it for ever.
 *
 *	bind HOST PORT GROUP	wait	peek	take	answer	go
 */
static void server(int ctl)
{
	struct pollfd p = { .events = POLLIN };
	struct message m;
	struct sockaddr_xrpc from;
	char line[128], host[64];
	int port, group, err, fd = -1;
	bool holding = false;
	ssize_t n;

	while (get_line(ctl, line, sizeof(line))) {
		p.fd = fd;
		if (sscanf(line, "bind %63s %d %d", host, &port, &group) == 3) {
			struct sockaddr_xrpc a = at(host, port, 0);

			fd = patient_socket();
			if (group)
				setsockopt(fd, SOL_XRPC, XRPC_REUSEPORT, &group,
					   sizeof(group));
			err = bind(fd, (void *)&a, sizeof(a)) ? errno : 0;
			dprintf(ctl, "bound %d\n", err);
		} else if (!strcmp(line, "wait")) {
			dprintf(ctl, "%s\n", poll(&p, 1, PATIENCE) == 1 ?
				"there" : "nothing");
		} else if (!strcmp(line, "peek")) {
			socklen_t len = sizeof(from);

			n = recvfrom(fd, &m, sizeof(m), MSG_PEEK,
				     (void *)&from, &len);
			dprintf(ctl, "%s\n", n >= 0 ? "peeked" : "nothing");
		} else if (!strcmp(line, "take")) {
			n = get_request(fd, &m, sizeof(m), &from);
			if (n >= 0)
				log_run(&m, n);
			holding = n >= 0;
			dprintf(ctl, "%s\n", holding ? "took" : "nothing");
		} else if (!strcmp(line, "answer")) {
			answer(fd, &m, &from);
			holding = false;
			dprintf(ctl, "answered\n");
		} else if (!strcmp(line, "go")) {
			dprintf(ctl, "going\n");
			if (holding)
				answer(fd, &m, &from);
			for (;;) {
				n = get_request(fd, &m, sizeof(m), &from);
				if (n < 0)
					continue;
				log_run(&m, n);
				answer(fd, &m, &from);
			}
		}
	}
}

static bool call_by_ioctl(int fd, const struct message *m, bool replayable,
			  struct message *r, ssize_t *len,
			  struct xrpc_result *res)
{
	struct xrpc_call_args a = {
		.req = (uintptr_t)m,
		.req_len = m->len,
		.reply = (uintptr_t)r,
		.reply_len = sizeof(*r),
		.flags = replayable ? XRPC_CALL_REPLAYABLE : 0,
	};
	int err = ioctl(fd, XRPC_IOC_CALL, &a);

	res->outcome = a.outcome;
	res->error = a.error;
	*len = a.reply_len;
	return !err == (a.outcome == XRPC_REPLIED) &&
	       (!err || errno == (int)a.error);
}

static bool call_by_message(int fd, const struct message *m, bool replayable,
			    struct message *r, ssize_t *len,
			    struct xrpc_result *res)
{
	union {
		struct cmsghdr align;
		char room[256];
	} u = {};
	struct iovec iov = { (void *)m, m->len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (replayable) {
		mh.msg_control = &u;
		mh.msg_controllen = CMSG_SPACE(0);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_XRPC;
		cm->cmsg_type = XRPC_REPLAYABLE;
		cm->cmsg_len = CMSG_LEN(0);
	}
	if (sendmsg(fd, &mh, 0) != (ssize_t)m->len)
		return false;
	iov.iov_base = r;
	iov.iov_len = sizeof(*r);
	memset(&u, 0, sizeof(u));
	mh.msg_control = &u;
	mh.msg_controllen = sizeof(u);
	*len = recvmsg(fd, &mh, 0);
	if (*len < 0)
		return false;
	for (cm = CMSG_FIRSTHDR(&mh); cm; cm = CMSG_NXTHDR(&mh, cm)) {
		if (cm->cmsg_level == SOL_XRPC &&
		    cm->cmsg_type == XRPC_OUTCOME) {
			memcpy(res, CMSG_DATA(cm), sizeof(*res));
			return true;
		}
	}
	return false;
}

/*
 * A client.
 *
 *	open HOST PORT FORM		FORM 1: calls by ioctl, 0: by messages
 *	call ID REPLAYABLE LEN REPLY
 */
static void client(int ctl)
{
	int port, form = 0, replayable, id, len, reply, one = 1, fd = -1;
	struct message m, r;
	struct xrpc_result res;
	char line[128], host[64];
	bool told, right;
	ssize_t n;

	while (get_line(ctl, line, sizeof(line))) {
		if (sscanf(line, "open %63s %d %d", host, &port, &form) == 3) {
			struct sockaddr_xrpc a = at(host, port, 0);

			fd = patient_socket();
			setsockopt(fd, SOL_XRPC, XRPC_RECVINFO, &one,
				   sizeof(one));
			dprintf(ctl, "open %d\n",
				connect(fd, (void *)&a, sizeof(a)) ? errno : 0);
		} else if (sscanf(line, "call %d %d %d %d", &id, &replayable,
				  &len, &reply) == 4) {
			make(&m, REQUEST, id, len, reply);
			memset(&res, 0xff, sizeof(res));
			told = (form ? call_by_ioctl : call_by_message)
			       (fd, &m, replayable, &r, &n, &res);
			right = res.outcome != XRPC_REPLIED ||
				(is_right(&r, REPLY, n) && n == reply &&
				 r.id == (uint32_t)id);
			dprintf(ctl, "told %d %d %d\n",
				told ? (int)res.outcome : -1, res.error, right);
		}
	}
}

/* ---- the peer guest ---------------------------------------------------- */

static bool loaded(void)
{
	return system("grep -q '^xrpc ' /proc/modules") == 0;
}

/* Unload the module and load it again; nothing uses it any more. */
static bool reload_module(void)
{
	int i;

	for (i = 0; i < 100 && loaded(); i++) {
		if (system("rmmod xrpc 2>/dev/null"))
			usleep(100000);
	}
	return !loaded() && !system("insmod " MODULE);
}

/*
 * Each connection is a server of its own that dies with it, or asks for a new
 * module.
 */
static int peer(void)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(AGENT_PORT),
	};
	int one = 1, fd, lis = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pids[CELLS_MAX];
	int i, npids = 0;
	char line[64];

	log_path = "/dev/xrpclog";
	setsockopt(lis, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(lis, (void *)&a, sizeof(a)) || listen(lis, 64)) {
		perror("peer");
		return 1;
	}
	for (;;) {
		fd = accept(lis, NULL, NULL);
		if (fd < 0 || !get_line(fd, line, sizeof(line))) {
			close(fd);
			continue;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (!strcmp(line, "server") && npids < CELLS_MAX) {
			pids[npids] = fork();
			if (!pids[npids]) {
				server(fd);
				_exit(0);
			}
			npids++;
		} else {
			for (i = 0; i < npids; i++) {
				kill(pids[i], SIGKILL);
				waitpid(pids[i], NULL, 0);
			}
			npids = 0;
			if (!strcmp(line, "reload"))
				dprintf(fd, "%s\n", reload_module() ? "reloaded" :
					"failed");
			else
				dprintf(fd, "stopped\n");
		}
		close(fd);
	}
}

/* ---- cells ------------------------------------------------------------- */

enum phase {
	ASKING,		/* the first packet of all was sent */
	OPENING,	/* an opening packet with the request was sent */
	OPENED,		/* the request runs, nothing came back yet */
	SENT,		/* request sent, not arrived */
	ARRIVING,	/* its first packet of several arrived */
	QUEUED,		/* arrived */
	PEEKED,		/* looked at */
	EXECUTING,	/* received */
	REPLIED,	/* answered, reply not arrived */
	REPLYING,	/* the reply's first packet of several arrived */
	RECEIVED,	/* reply arrived, its acknowledgement did not */
	ACKED,		/* that arrived as well */
	NPHASES
};

static const char *const phases[] = {
	"asking for a token", "opening", "opened", "before arrival",
	"while arriving", "queued", "peeked", "executing", "replied",
	"while the reply arrives", "reply received", "acknowledged",
};

/* In this order they are reached: those that time runs against come last. */
static const enum phase order[] = {
	ACKED, RECEIVED, EXECUTING, PEEKED, QUEUED, OPENED, REPLYING, REPLIED,
	ARRIVING, SENT, OPENING, ASKING,
};

struct proc {
	int fd;
	pid_t pid;		/* 0: none, or in the other guest */
	bool alive;
	unsigned int have;
	char buf[256];
};

enum net { CLEAN, MUTE, HELD, NNETS };

static const char *const nets[] = { "clean", "mute", "held" };

enum wire { PASS, PHASE, CUT, LOSE };

struct cell {
	const struct row *row;
	enum phase phase;
	bool replayable;
	enum net net;
	unsigned int id;
	struct proc client;
	struct proc server;
	struct proc other;	/* a second server */
	/* the wire */
	enum wire wire;
	struct box_store kept;	/* not let through yet */
	struct box_store seen;	/* all of it, to be doubled */
	unsigned int passed;	/* first segments that were let through */
	bool done_passed;	/* an acknowledgement of replies was */
	bool reply_passed;
	/* what became of it */
	bool reached;
	bool told;
	int outcome;		/* -1: none was told */
	int error;
	bool right;
	bool again;		/* the service could be called afterwards */
};

/* The cells that share a crash. */
static struct cell *batch[NPHASES * NNETS * 2];
static unsigned int nbatch;
static bool hosts;		/* the server is in another guest */
static struct box box = { .fd = { -1, -1 } };
static const char *server4 = "10.0.0.2", *server6 = "fd00::2";

static int port_of(const struct cell *c)
{
	return FIRST_PORT + c->id;
}

/* By ioctl or by messages, IPv4 or IPv6: no phase has always the same. */
static bool by_ioctl(const struct cell *c)
{
	return (c->id + c->id / NPHASES) & 1;
}

static bool is_v6(const struct cell *c)
{
	return (c->id + c->id / NPHASES) & 2;
}

static const char *server_of(const struct cell *c)
{
	return is_v6(c) ? server6 : server4;
}

/* What the wire does to a packet of a cell. */
static bool passes(struct cell *c, const struct box_frame *f)
{
	bool rest = f->data && f->seg.off;

	switch (c->wire) {
	case PASS:
		return true;
	case CUT:
	case LOSE:
		return false;
	case PHASE:
		break;
	}
	switch (c->phase) {
	case ASKING:
		return f->to_client;
	case OPENING:
	case SENT:
		return f->to_client || !f->data;
	case OPENED:
		return !f->to_client || f->types & 1U << XRPC_FT_TOKEN;
	case ARRIVING:
		return f->to_client || !rest;
	case REPLIED:
		return !f->to_client || !f->data;
	case REPLYING:
		return !f->to_client || !rest;
	case RECEIVED:
		return f->to_client || !c->reply_passed;
	default:
		return true;
	}
}

static bool judge_frame(const struct box_frame *f)
{
	struct cell *c = NULL;
	unsigned int i;
	bool pass;

	for (i = 0; f->port && i < nbatch; i++) {
		if (port_of(batch[i]) == f->port)
			c = batch[i];
	}
	if (!c)
		return true;
	pass = passes(c, f);
	if (c->net == HELD && c->seen.n < KEEP_MAX && c->wire != LOSE)
		box_keep(&c->seen, f);
	if (!pass && c->kept.n < KEEP_MAX &&
	    (c->wire == PHASE || (c->net == HELD && c->wire == CUT)))
		box_keep(&c->kept, f);
	if (!pass)
		return false;
	if (f->data && f->to_client)
		c->reply_passed = true;
	if (f->data)
		c->passed++;
	if (f->types & 1U << XRPC_FT_DONE)
		c->done_passed = true;
	return true;
}

/* ---- waiting, while the wire works -------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void hear(struct proc *p)
{
	ssize_t n;

	n = recv(p->fd, p->buf + p->have, sizeof(p->buf) - 1 - p->have,
		 MSG_DONTWAIT);
	if (n > 0)
		p->have += n;
	else if (n == 0 || errno != EAGAIN)
		p->alive = false;
}

/* Let the world turn for at most so long, or until something happens. */
static void turn(int ms)
{
	static struct pollfd p[2 + 3 * sizeof(batch) / sizeof(*batch)];
	static struct proc *procs[sizeof(p) / sizeof(*p)];
	unsigned int i, j, n = 0;

	for (i = 0; i < 2; i++) {
		procs[n] = NULL;
		p[n++] = (struct pollfd){ .fd = box.fd[i], .events = POLLIN };
	}
	for (i = 0; i < nbatch; i++) {
		struct proc *of[] = { &batch[i]->client, &batch[i]->server,
				      &batch[i]->other };

		for (j = 0; j < 3; j++) {
			if (!of[j]->alive)
				continue;
			procs[n] = of[j];
			p[n++] = (struct pollfd){ .fd = of[j]->fd,
						  .events = POLLIN };
		}
	}
	if (poll(p, n, ms) <= 0)
		return;
	for (i = 0; i < n; i++) {
		if (!p[i].revents)
			continue;
		if (i < 2)
			box_turn(&box, i, judge_frame);
		else
			hear(procs[i]);
	}
}

#define wait_for(ms, what) __extension__({				\
	int64_t end_ = now_ms() + (ms), left_;				\
	bool got_;							\
									\
	while (!(got_ = (what)) && (left_ = end_ - now_ms()) > 0)	\
		turn(left_ < 100 ? left_ : 100);			\
	got_;								\
})

static void pass_time(int ms)
{
	wait_for(ms, false);
}

/* The next line a process has said, once. */
static const char *said(struct proc *p)
{
	static char line[sizeof(p->buf)];
	char *end = memchr(p->buf, '\n', p->have);
	size_t n;

	if (!end)
		return NULL;
	n = end - p->buf;
	memcpy(line, p->buf, n);
	line[n] = 0;
	p->have -= n + 1;
	memmove(p->buf, end + 1, p->have);
	return line;
}

__attribute__((format(printf, 2, 3)))
static void tell(struct proc *p, const char *fmt, ...)
{
	char line[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	line[n] = '\n';
	send(p->fd, line, n + 1, MSG_NOSIGNAL);
}

/* Tell a process to do something; whether it said that it did. */
static bool does(struct proc *p, const char *what, const char *answer)
{
	const char *line = NULL;

	if (!p->alive)
		return false;
	tell(p, "%s", what);
	wait_for(PATIENCE, (line = said(p)) || !p->alive);
	if (line && !strcmp(line, answer))
		return true;
	printf("# \"%s\": \"%s\"\n", what, line ? line : "(silence)");
	return false;
}

/* Take the end of the call from a client that was told of it. */
static bool is_told(struct cell *c)
{
	const char *line;
	int right;

	if (c->told)
		return true;
	line = said(&c->client);
	if (line && sscanf(line, "told %d %d %d", &c->outcome, &c->error,
			   &right) == 3) {
		c->right = right;
		c->told = true;
	}
	return c->told;
}

static bool all_told(void)
{
	unsigned int i;
	bool all = true;

	for (i = 0; i < nbatch; i++) {
		if (batch[i]->reached && batch[i]->client.alive)
			all &= is_told(batch[i]);
	}
	return all;
}

/* ---- starting and ending processes --------------------------------------- */

static void start(struct proc *p, const char *ns, void (*run)(int ctl))
{
	int fd[2];

	memset(p, 0, sizeof(*p));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd)) {
		perror("socketpair");
		exit(1);
	}
	fflush(stdout);
	p->pid = fork();
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fd[0]);
		enter_ns(ns);
		run(fd[1]);
		_exit(0);
	}
	close(fd[1]);
	p->fd = fd[0];
	p->alive = p->pid > 0;
}

/* Say something to the agent in the other guest; the connection. */
static int agent(const char *what)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(AGENT_PORT),
	};
	int64_t end = now_ms() + PATIENCE;
	struct timeval tv = { .tv_sec = 1 };
	int fd, one = 1;

	inet_pton(AF_INET, server4, &a.sin_addr);
	do {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		/* a peer that boots: not for long between the attempts */
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		if (!connect(fd, (void *)&a, sizeof(a))) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
				   sizeof(one));
			dprintf(fd, "%s\n", what);
			return fd;
		}
		close(fd);
		pass_time(50);
	} while (now_ms() < end);
	printf("Bail out! no agent in the other guest\n");
	exit(1);
}

static void start_server(struct proc *p, const char *ns)
{
	if (!hosts) {
		start(p, ns, server);
		return;
	}
	memset(p, 0, sizeof(*p));
	p->fd = agent("server");
	p->alive = true;
}

static void end(struct proc *p)
{
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		/* its sockets are released when it can be waited for */
		waitpid(p->pid, NULL, 0);
	}
	if (p->fd > 0)
		close(p->fd);
	memset(p, 0, sizeof(*p));
}

static bool binds_at(struct cell *c, struct proc *p, const char *ns,
		     const char *addr, bool group)
{
	char line[64];

	start_server(p, ns);
	snprintf(line, sizeof(line), "bind %s %d %d", addr, port_of(c), group);
	return does(p, line, "bound 0");
}

static bool binds(struct cell *c, struct proc *p, bool group)
{
	return binds_at(c, p, "s", server_of(c), group);
}

/* ---- crashes --------------------------------------------------------------- */

/**
 * struct row - one way to crash
 * @name: what is told of it
 * @prepare: before the calls begin
 * @crash: it happens; packets are lost, or kept, from here on
 * @recover: what comes back; then packets go through again
 * @finish: when all is told and over
 * @group: servers share their service
 * @cut: nothing gets through meanwhile: clean is mute
 * @client: there is no client afterwards
 * @late: nobody serves until all is told
 * @plain: true ends of plain calls, as sharp as is promised: a word for each
 *	   phase before the reply's arrival, a letter for each end
 * @replayable: likewise
 */
struct row {
	const char *name;
	void (*prepare)(void);
	void (*crash)(void);
	void (*recover)(void);
	void (*finish)(void);
	bool group;
	bool cut;
	bool client;
	bool late;
	const char *plain;
	const char *replayable;
};

static void run(const char *fmt, ...)
{
	char cmd[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd))
		printf("# failed: %s\n", cmd);
}

/* A namespace behind a wire's end here; one of two with the server's MAC. */
static void make_ns(const char *ns, int wire, int mac)
{
	run("ip netns add %s && ip link add m%d type veth peer name v%d "
	    "address 02:00:00:00:00:0%d netns %s && ip -n %s link set v%d up && "
	    "ip -n %s link set lo up && ip link set m%d up", ns, wire, wire,
	    mac, ns, ns, wire, ns, wire);
}

static void add_addresses(const char *ns, int wire, const char *v4,
			  const char *v6)
{
	run("ip -n %s addr add %s/24 dev v%d && "
	    "ip -n %s addr add %s/64 dev v%d nodad", ns, v4, wire, ns, v6,
	    wire);
}

static void watch(int side, const char *dev)
{
	if (!box_open(&box, side, dev))
		perror(dev);
}

static void make_server_ns(void)
{
	make_ns("s", 1, 2);
	add_addresses("s", 1, server4, server6);
	watch(1, "m1");
}

static void make_client_ns(const char *v4, const char *v6)
{
	make_ns("c", 0, 1);
	add_addresses("c", 0, v4, v6);
	watch(0, "m0");
}

static void kill_servers(void)
{
	unsigned int i;

	for (i = 0; i < nbatch; i++)
		end(&batch[i]->server);
}

static void kill_clients(void)
{
	unsigned int i;

	for (i = 0; i < nbatch; i++)
		end(&batch[i]->client);
}

static void kill_beside_siblings(void)
{
	unsigned int i;

	for (i = 0; i < nbatch; i++)
		binds(batch[i], &batch[i]->other, true);
	kill_servers();
}

static void others_bind(void)
{
	unsigned int i;

	for (i = 0; i < nbatch; i++)
		binds(batch[i], &batch[i]->other, false);
}

static void others_bind_soon(void)
{
	pass_time(200);
	others_bind();
}

static void linger(int ms)
{
	run("ip netns exec s sysctl -qw net.xrpc.linger_ms=%d", ms);
}

static void linger_long(void) { linger(60000); }
static void linger_not(void) { linger(0); }

static void delete_ns(const char *ns, const char *dev)
{
	run("ip netns del %s", ns);
	/* its end of the wire goes with it */
	if (!wait_for(PATIENCE, !if_nametoindex(dev)))
		printf("# %s is still there\n", dev);
}

static void destroy_ns(void)
{
	kill_servers();
	delete_ns("s", "m1");
	box_close(&box, 1);
}

static void new_ns(void)
{
	make_server_ns();
	others_bind();
}

/* Servers that wait at all addresses for the one that will be theirs. */
static void stand_by(void)
{
	unsigned int i;

	linger_long();
	make_ns("t", 2, 2);
	for (i = 0; i < nbatch; i++)
		binds_at(batch[i], &batch[i]->other, "t",
			 is_v6(batch[i]) ? "::" : "0.0.0.0", false);
	pass_time(2000);
}

/* The address goes there; who had it is out of reach. */
static void take_over(void)
{
	box_close(&box, 1);
	kill_servers();
	add_addresses("t", 2, server4, server6);
}

static void taken_over(void)
{
	watch(1, "m2");
}

static void give_back(void)
{
	box_close(&box, 1);
	delete_ns("t", "m2");
	watch(1, "m1");
}

static void three_seconds(void) { pass_time(3000); }
static void fifteen_seconds(void) { pass_time(15000); }

static void nothing(void) { }

/*
 * Phases: asking, opening, opened, sent, arriving, queued, peeked, executing,
 * replied, replying.  A port that is bound anew has no records from before it:
 * only what was never sent can be told to be not executed.
 */
static const struct row one_guest[] = {
	{
		.name = "server killed beside a sibling",
		.crash = kill_beside_siblings,
		.group = true,
		.plain = "R R U R R R U U R R",
		.replayable = "R R R R R R R R R R",
	}, {
		.name = "server killed",
		.crash = kill_servers,
		.late = true,
		.plain = "N U U N N N U U R R",
		.replayable = "NU U U NU NU NU U U R R",
	}, {
		.name = "server killed, its port adopted",
		.crash = kill_servers,
		.recover = others_bind_soon,
		.plain = "R RNU U RN RN N U U R R",
		.replayable = "R R R RN RN N R R R R",
	}, {
		.name = "server killed, its port bound anew",
		.prepare = linger_not,
		.crash = kill_servers,
		.recover = others_bind_soon,
		.plain = "R U U NU NU NU U U RU RU",
		.replayable = "R R R RN RN RN R R R R",
	}, {
		.name = "server's namespace destroyed",
		.crash = destroy_ns,
		.recover = new_ns,
		.plain = "R U U NU NU NU U U RU RU",
		.replayable = "R R R RN RN RN R R R R",
	}, {
		.name = "server's address taken over by another",
		.prepare = stand_by,
		.crash = take_over,
		.recover = taken_over,
		.finish = give_back,
		.plain = "R U U U U U U U RU RU",
		.replayable = "R R R R R R R R R R",
	}, {
		.name = "client killed",
		.crash = kill_clients,
		.recover = three_seconds,
		.client = true,
	}, {
		.name = "network cut for 3 s",
		.crash = nothing,
		.recover = three_seconds,
		.cut = true,
		.plain = "R R R R R R R R R R",
		.replayable = "R R R R R R R R R R",
	}, {
		.name = "network cut for 15 s",
		.crash = nothing,
		.recover = fifteen_seconds,
		.cut = true,
		.plain = "N U U U U U U U U U",
		.replayable = "NU U U U U U U U U U",
	},
};

/* ---- two guests */

static void ask_agent(const char *what, const char *want)
{
	char line[64];
	int fd = agent(what);

	if (!get_line(fd, line, sizeof(line)) || strcmp(line, want))
		printf("# agent: not %s\n", want);
	close(fd);
}

static void forget_servers(void)
{
	unsigned int i;

	for (i = 0; i < nbatch; i++) {
		end(&batch[i]->server);
		end(&batch[i]->other);
	}
}

static void reload_server(void)
{
	ask_agent("reload", "reloaded");
	forget_servers();
}

static void kill_host(void)
{
	run("host peer-kill");
	forget_servers();
}

static void new_host(void)
{
	run("host peer-start");
	run("host peer-wait");
	others_bind();
}

static void reload_client(void)
{
	kill_clients();
	if (!reload_module())
		printf("# the module was not loaded again\n");
}

/* As if the machine stopped: no last words. */
static void silence_client(void)
{
	unsigned int i;

	for (i = 0; i < nbatch; i++)
		batch[i]->wire = LOSE;
	reload_client();
	for (i = 0; i < nbatch; i++)
		batch[i]->wire = CUT;
}

static const struct row two_guests[] = {
	{
		.name = "server's module reloaded",
		.crash = reload_server,
		.recover = others_bind,
		.plain = "RN U U NU NU NU U U RU RU",
		.replayable = "RNU RU RU RNU RNU RNU RU RU RU RU",
	}, {
		.name = "server's host killed",
		.crash = kill_host,
		.recover = new_host,
		.plain = "RN U U U U U U U RU RU",
		.replayable = "RNU RU RU RU RU RU RU RU RU RU",
	}, {
		.name = "client's module reloaded",
		.crash = reload_client,
		.recover = nothing,
		.client = true,
	}, {
		.name = "client's host gone",
		.crash = silence_client,
		.recover = nothing,
		.client = true,
	},
};

/* ---- a cell's way ------------------------------------------------------------ */

static void call(struct cell *c, unsigned int id, int len, int reply)
{
	tell(&c->client, "call %u %d %d %d", id, c->replayable && id, len,
	     reply);
}

/* One call before, so that the session is open and all is acknowledged. */
static bool warm_up(struct cell *c)
{
	call(c, 0, SHORT, SHORT);
	if (!does(&c->server, "take", "took") ||
	    !does(&c->server, "answer", "answered"))
		return false;
	wait_for(PATIENCE, is_told(c));
	if (!c->told || c->outcome != XRPC_REPLIED || !c->right)
		return false;
	c->told = false;
	return wait_for(PATIENCE, c->done_passed);
}

static bool opens(struct cell *c)
{
	char line[64];

	start(&c->client, "c", client);
	snprintf(line, sizeof(line), "open %s %d %d", server_of(c), port_of(c),
		 by_ioctl(c));
	return does(&c->client, line, "open 0");
}

/* Bring a call into its phase. */
static bool reach(struct cell *c)
{
	enum phase p = c->phase;

	c->wire = PASS;
	if (!binds(c, &c->server, c->row->group) || !opens(c))
		return false;
	if (p != ASKING && p != OPENING && p != OPENED && !warm_up(c))
		return false;
	c->passed = 0;
	c->done_passed = false;
	c->reply_passed = false;
	c->wire = PHASE;
	call(c, c->id, p == ARRIVING ? LONG : SHORT,
	     p == REPLYING ? LONG : SHORT);
	switch (p) {
	case ASKING:
	case OPENING:
	case SENT:
		return wait_for(PATIENCE, c->kept.n);
	case ARRIVING:
		if (!wait_for(PATIENCE, c->kept.n && c->passed))
			return false;
		pass_time(20);
		return true;
	case QUEUED:
		return does(&c->server, "wait", "there");
	case PEEKED:
		return does(&c->server, "peek", "peeked");
	default:
		break;
	}
	if (!does(&c->server, "take", "took"))
		return false;
	if (p == EXECUTING)
		pass_time(20);	/* now the client knows of its arrival */
	if (p == OPENED || p == EXECUTING)
		return true;
	if (!does(&c->server, "answer", "answered"))
		return false;
	if (p == REPLIED)
		return wait_for(PATIENCE, c->kept.n);
	if (p == REPLYING) {
		if (!wait_for(PATIENCE, c->kept.n && c->passed >= 2))
			return false;
		pass_time(20);
		return true;
	}
	if (!wait_for(PATIENCE, is_told(c)))
		return false;
	return wait_for(PATIENCE, p == RECEIVED ? c->kept.n : c->done_passed);
}

static bool reach_and_stay(struct cell *c)
{
	bool early = c->phase == RECEIVED || c->phase == ACKED;

	return reach(c) && is_told(c) == early;
}

/* Somebody serves each cell from here on. */
static void serve_all(void)
{
	unsigned int i;

	for (i = 0; i < nbatch; i++) {
		struct cell *c = batch[i];
		struct proc *p = c->server.alive ? &c->server : &c->other;

		if (!p->alive)
			binds(c, p, false);
		does(p, "go", "going");
	}
}

/* Let through what was held, and once more all there ever was. */
static void repeat_all(bool backwards)
{
	unsigned int i;

	for (i = 0; i < nbatch; i++) {
		struct cell *c = batch[i];
		struct box_store seen = c->seen;

		/* what passes meanwhile is not to be doubled */
		memset(&c->seen, 0, sizeof(c->seen));
		box_repeat(&box, &c->kept);
		box_forget(&c->kept);
		if (backwards)
			box_reverse(&seen);
		box_repeat(&box, &seen);
		box_forget(&c->seen);
		c->seen = seen;
	}
}

/* Whether the service can still be called, by the same client if it lives. */
static void call_again(void)
{
	unsigned int i;
	bool all;

	for (i = 0; i < nbatch; i++) {
		struct cell *c = batch[i];

		if (!c->client.alive)
			opens(c);
		call(c, 0, SHORT, SHORT);
	}
	wait_for(PATIENCE, ({
		const char *line;

		all = true;
		for (i = 0; i < nbatch; i++) {
			line = said(&batch[i]->client);
			if (line)
				batch[i]->again = !strcmp(line, "told 0 0 1");
			all &= batch[i]->again;
		}
		all;
	}));
}

static void run_batch(void)
{
	const struct row *r = batch[0]->row;
	unsigned int i;

	if (!hosts)
		(r->prepare ? r->prepare : linger_long)();
	for (i = 0; i < nbatch; i++)
		batch[i]->reached = reach_and_stay(batch[i]);
	/* a phase must last until all are in theirs */
	for (i = 0; i < nbatch; i++) {
		struct cell *c = batch[i];

		c->reached &= is_told(c) ==
			      (c->phase == RECEIVED || c->phase == ACKED);
	}

	for (i = 0; i < nbatch; i++) {
		if (batch[i]->net != HELD)
			box_forget(&batch[i]->kept);
		batch[i]->wire = r->cut || batch[i]->net != CLEAN ? CUT : PASS;
	}
	r->crash();
	pass_time(20);
	if (r->recover)
		r->recover();
	for (i = 0; i < nbatch; i++)
		batch[i]->wire = PASS;
	repeat_all(false);
	if (!r->late)
		serve_all();
	if (!r->client)
		wait_for(PATIENCE, all_told());
	pass_time(r->client ? 3000 : 500);
	if (r->late)
		serve_all();
	repeat_all(true);
	pass_time(hosts ? 1500 : 3000);
	call_again();
	/*
	 * Where time costs nothing: late enough for sessions to be closed as
	 * idle, and for closed ones to be forgotten.
	 */
	for (i = 0; !hosts && batch[0]->net == HELD && i < 3; i++) {
		pass_time(305000);
		repeat_all(i & 1);
		pass_time(3000);
	}
	for (i = 0; i < nbatch; i++) {
		struct cell *c = batch[i];

		box_forget(&c->kept);
		box_forget(&c->seen);
		end(&c->client);
		end(&c->server);
		end(&c->other);
	}
	if (hosts)
		ask_agent("stop", "stopped");
	if (r->finish)
		r->finish();
}

/* ---- what was told, and whether it is true ------------------------------------ */

/* The ends that a cell may have. */
static const char *wanted(const struct cell *c)
{
	const char *words = c->replayable ? c->row->replayable : c->row->plain;
	static char w[8];
	unsigned int n;

	if (c->phase >= RECEIVED)
		return "R";
	if (c->row->client)
		return "-";
	for (n = c->phase; n; n--)
		words = strchr(words, ' ') + 1;
	sscanf(words, "%7s", w);
	return w;
}

static void describe(const struct cell *c, char *name, size_t size)
{
	snprintf(name, size, "%s / %s / %s / %s", c->row->name,
		 phases[c->phase], c->replayable ? "replayable" : "plain",
		 nets[c->net]);
}

/* A line for the judge, who may be elsewhere. */
static void report(FILE *to, const struct cell *c)
{
	char end = '?', name[128];

	if (!c->reached)
		end = '!';
	else if (c->told && c->outcome >= 0)
		end = "RNU"[c->outcome];
	else if (c->row->client)
		end = '-';
	describe(c, name, sizeof(name));
	fprintf(to, "cell %u %c %d %d %d %d %s %s\n", c->id, end,
		c->told ? c->error : 0, c->right, c->again, c->replayable,
		wanted(c), name);
}

static bool in_set(char end, int error)
{
	switch (error) {
	case ECONNREFUSED:
	case EBUSY:
	case ESHUTDOWN:
	case EHOSTUNREACH:
	case ETIME:
		return end == 'N';
	case ETIMEDOUT:
	case ECONNRESET:
		return end == 'U';
	case 0:
		return end == 'R' || end == '-';
	default:
		return false;
	}
}

static int judge(FILE *in, const char *log)
{
	unsigned int runs[CELLS_MAX] = {}, bad = 0, cells = 0, id;
	unsigned int ends[128] = {};
	int error, right, again, replayable, n;
	char line[256], want[8], end;
	FILE *f = fopen(log, "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "ran %u", &id) == 1 && id < CELLS_MAX)
			runs[id]++;
		else
			bad++;
	}
	if (!f)
		bad++;
	else
		fclose(f);
	while (fgets(line, sizeof(line), in)) {
		const char *told, *why = NULL;
		unsigned int ran;

		if (sscanf(line, "cell %u %c %d %d %d %d %7s %n", &id, &end,
			   &error, &right, &again, &replayable, want, &n) < 7)
			continue;
		line[strcspn(line, "\n")] = 0;
		ran = runs[id % CELLS_MAX];
		cells++;
		ends[(int)end]++;
		told = end == 'R' ? "replied" : end == 'N' ? "not executed" :
		       end == 'U' ? "unknown" : end == '-' ? "nobody to tell" :
		       "nothing";
		if (end == '!')
			why = "the phase was not reached";
		else if (end == '?')
			why = "no outcome";
		else if (!replayable && ran > 1)
			why = "ran more than once";
		else if (end == 'N' && ran)
			why = "it was executed";
		else if (end == 'R' && !ran)
			why = "it was not executed";
		else if (!right)
			why = "wrong reply";
		else if (!in_set(end, error))
			why = "the errno is of another outcome";
		else if (!strchr(want, end))
			why = "another outcome is promised";
		else if (!again)
			why = "no call was possible afterwards";
		errno = error;
		ok(!why, "%s: told %s%s%s, ran %u%s%s%s", line + n, told,
		   error ? " " : "", error ? strerrorname_np(error) : "", ran,
		   why ? " (" : "", why ? why : "", why ? ")" : "");
	}
	ok(cells && !bad, "all requests came as they were sent");
	printf("# %u cells: %u replied, %u not executed, %u unknown, "
	       "%u without a client, %u failed\n", cells, ends['R'], ends['N'],
	       ends['U'], ends['-'], ends['?'] + ends['!']);
	return tap_end();
}

/* ---- all of it ------------------------------------------------------------------ */

/* A cell as it is before it has begun. */
static void begin(struct cell *c, const struct row *r, enum phase phase,
		  bool replayable, enum net net)
{
	static unsigned int next_id;

	*c = (struct cell){
		.row = r,
		.phase = phase,
		.replayable = replayable,
		.net = net,
		.id = ++next_id,
		.outcome = -1,
		.right = true,
	};
}

/*
 * Where time is real a slow machine may keep calls from lasting until all are
 * in their phases: what was not reached is tried again, in smaller company.
 */
static void run_and_report(FILE *to)
{
	unsigned int i, n, tries;

	for (tries = 0; nbatch; tries++) {
		int64_t start = now_ms();

		run_batch();
		printf("# %s: %u cells, %d ms\n", batch[0]->row->name, nbatch,
		       (int)(now_ms() - start));
		n = 0;
		for (i = 0; i < nbatch; i++) {
			struct cell *c = batch[i];

			if (hosts && !c->reached && tries < 3) {
				begin(c, c->row, c->phase, c->replayable,
				      c->net);
				batch[n++] = c;
			} else {
				report(to, c);
			}
		}
		nbatch = n;
	}
}

/*
 * All cells of some rows, or where XRPC_DIV says that the kernel is slow every
 * so manieth: the step has no divisor in common with what is nested here, so
 * that all rows, phases, kinds and nets have their turn.
 *
 * There is one crash for the phases of each row, kind and net, and where it
 * costs real time for all nets together: but not more, since the first call
 * must not give up before the last is in its phase.
 */
static void matrix(const struct row *rows, unsigned int n, FILE *to)
{
	const char *div = getenv("XRPC_DIV"), *only = getenv("CRASH_ONLY");
	static struct cell cells[sizeof(batch) / sizeof(*batch)];
	unsigned int step = 1, first = 0, nth = 0, i, k;
	unsigned int together = hosts ? NNETS : 1;
	char name[128];

	if (div && atoi(div) > 1)
		step = atoi(div) * atoi(div) / 16 * 6 + 5;
	if (step > 1)
		first = (time(NULL) / 60 + getpid()) % step;
	for (i = 0; i < n * 2 * NNETS; i += together) {
		nbatch = 0;
		for (k = 0; k < NPHASES * together; k++) {
			struct cell *c = &cells[nbatch];
			const struct row *r = &rows[i / NNETS / 2];
			enum net net = i % NNETS + k % together;

			if (r->cut && net == CLEAN)
				continue;
			if (nth++ % step != first)
				continue;
			begin(c, r, order[k / together], i / NNETS % 2, net);
			describe(c, name, sizeof(name));
			if (!only || strstr(name, only))
				batch[nbatch++] = c;
		}
		run_and_report(to);
	}
	printf("# every %u. cell of %u from the %u. on\n", step, nth, first);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	FILE *told;

	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(how, "peer"))
		return peer();
	if (!strcmp(how, "judge")) {
		tap_begin();
		return judge(stdin, argv[2]);
	}
	setlinebuf(stdout);
	close(xrpc_socket());
	if (!strcmp(how, "hosts")) {
		hosts = true;
		server4 = "10.99.0.2";
		server6 = "fd99::2";
		run("host peer-wait");
		make_client_ns("10.99.0.3", "fd99::3");
		watch(1, "eth0");
		matrix(two_guests, sizeof(two_guests) / sizeof(*two_guests),
		       stdout);
		return 0;
	}
	tap_begin();
	make_client_ns("10.0.0.1", "fd00::1");
	make_server_ns();
	told = tmpfile();
	matrix(one_guest, sizeof(one_guest) / sizeof(*one_guest), told);
	rewind(told);
	return judge(told, log_path);
}
