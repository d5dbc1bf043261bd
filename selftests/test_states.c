// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=9000
 *
 * Each state of a call, a channel and a session is entered, and left by its own
 * timer where the other side falls silent: after what back-off, and how.  The
 * module's tracepoints tell of every change.  The list of states is that of
 * module/internal.h, and protocol.rst has a row for each.
 */
#include <fcntl.h>

#include "scripted_server.h"
#include "state_names.h"

#define PORT	4130
#define TRACING	"/sys/kernel/tracing/"

enum kind { CALL, CHAN, SESS, KINDS };

static const struct {
	const char *event, *prefix;
	const char *const *names;
	unsigned int n;
} kinds[KINDS] = {
#define STATES(list) list, sizeof(list) / sizeof(list[0])
	[CALL] = { "xrpc_call", "XRPC_CALL_", STATES(call_states) },
	[CHAN] = { "xrpc_chan", "XRPC_CHAN_", STATES(chan_states) },
	[SESS] = { "xrpc_session", "XRPC_SESS_", STATES(session_states) },
#undef STATES
};

/* ---- what the tracepoints tell --------------------------------------- */

struct event {
	double at;		/* s */
	enum kind kind;
	bool server;		/* not told of calls, whose states say it */
	uint64_t session;
	unsigned int chan, seq;
	char from[16], to[16];
};

static struct event events[20000];
static unsigned int n_events, mark;
static int pipe_fd;

static void trace_write(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), TRACING "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
}

static void parse(char *line)
{
	struct event *e = &events[n_events];
	char *p = strstr(line, ": xrpc_"), *at = p, *text;
	char side[8];
	int k;

	if (!p || n_events == sizeof(events) / sizeof(events[0]))
		return;
	while (at > line && at[-1] != ' ')
		at--;
	text = strchr(p + 2, ' ');
	if (!text)
		return;
	*e = (struct event){ .at = strtod(at, NULL) };
	for (k = 0; k < KINDS; k++) {
		if (!strncmp(p + 2, kinds[k].event, strlen(kinds[k].event)) &&
		    p[2 + strlen(kinds[k].event)] == ':')
			break;
	}
	e->kind = k;
	switch (k) {
	case CALL:
		if (sscanf(text, " session=%lx chan=%u seq=%u %15s -> %15s",
			   &e->session, &e->chan, &e->seq, e->from, e->to) != 5)
			return;
		break;
	case CHAN:
		if (sscanf(text, " %7s session=%lx chan=%u seq=%u %15s -> %15s",
			   side, &e->session, &e->chan, &e->seq, e->from,
			   e->to) != 6)
			return;
		e->server = !strcmp(side, "server");
		break;
	case SESS:
		if (sscanf(text, " %7s session=%lx %15s -> %15s", side,
			   &e->session, e->from, e->to) != 4)
			return;
		e->server = !strcmp(side, "server");
		break;
	default:
		return;
	}
	n_events++;
}

static void read_trace(void)
{
	static char buf[65536 + 1];
	static size_t have;
	char *line, *end;
	ssize_t n;

	while ((n = read(pipe_fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		have += n;
		buf[have] = 0;
		for (line = buf; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			parse(line);
		}
		have -= line - buf;
		memmove(buf, line, have);
	}
}

/* A part of the test begins. */
static void part(const char *what)
{
	read_trace();
	mark = n_events;
	printf("# %s\n", what);
}

static bool is(const struct event *e, enum kind kind, bool server,
	       const char *from, const char *to)
{
	return e->kind == kind && (kind == CALL || e->server == server) &&
	       (!from || !strcmp(e->from, from)) && !strcmp(e->to, to);
}

/*
 * How long the last change @from to @to of this part came after the state was
 * entered, in seconds; negative if there was none.
 */
static double spent(enum kind kind, bool server, const char *from,
		    const char *to)
{
	int i, j;

	read_trace();
	for (i = n_events - 1; i >= (int)mark; i--) {
		struct event *e = &events[i];

		if (!is(e, kind, server, from, to))
			continue;
		for (j = i - 1; j >= 0; j--) {
			if (is(&events[j], kind, server, NULL, from) &&
			    events[j].session == e->session &&
			    events[j].chan == e->chan)
				return e->at - events[j].at;
		}
		return 0;	/* it was born so */
	}
	return -1;
}

/* The state was left so, after this long. */
static bool left(enum kind kind, bool server, const char *from, const char *to,
		 double after)
{
	double s = spent(kind, server, from, to);

	return ok(s >= after - 0.1 && s <= after * 1.05 + 0.5,
		  "%s%s ends as %s by itself (%.3f s)", kinds[kind].prefix, from,
		  to, s);
}

static void changed(enum kind kind, bool server, const char *from,
		    const char *to)
{
	ok(spent(kind, server, from, to) >= 0, "%s%s, then %s",
	   kinds[kind].prefix, from, to);
}

/*
 * Hear of the other side until it has been silent for a minute: what it sends
 * unasked comes ever more seldom, and ends; it may begin anew so often.
 */
static void backs_off(uint8_t type, int seconds, unsigned int anew)
{
	uint64_t first = 0, last = 0, gap, gap_before = 0;
	unsigned int n = 0, shrunk = 0;

	while (rx(60000)) {
		if (!find(type))
			continue;
		gap = now_ms() - last;
		if (n > 1 && gap + 2 < gap_before)
			shrunk++;
		if (n++)
			gap_before = gap;
		else
			first = now_ms();
		last = now_ms();
	}
	/* a beginning comes before its time, and so does what follows it */
	ok(n > 3 && n < 25 && shrunk <= 2 * anew && last - first > seconds * 500ULL &&
	   last - first < seconds * 1000ULL + 500,
	   "asked %u times in %llu ms, ever more seldom, then no more", n,
	   (unsigned long long)(last - first));
}

/* ---- a client whose server is silent --------------------------------- */

static void test_token(void)
{
	const struct xrpc_token_req *r = (const void *)none;

	part("a server that is not there");
	new_client(true);
	call_out("a", 1, 0, 0);
	rx(100);
	want_frame(r, XRPC_FT_TOKEN_REQ);
	fresh(xrpc_get64(r->client_id));
	peer_pn = 1;
	backs_off(XRPC_FT_TOKEN_REQ, 10, 0);
	ok(ended(1, XRPC_NOT_EXECUTED, EHOSTUNREACH, ""), "not executed");
	changed(CALL, false, "IDLE", "PENDING");
	left(CALL, false, "PENDING", "DONE", 10);
	changed(SESS, false, "NEW", "TOKEN");
	left(SESS, false, "TOKEN", "CLOSED", 10);
	left(SESS, false, "CLOSED", "DEAD", 0);
}

static void test_opening(void)
{
	const struct xrpc_token_req *r = (const void *)none;

	part("one that gives a token and no more");
	new_client(true);
	call_out("b", 2, 0, 0);
	rx(100);
	want_frame(r, XRPC_FT_TOKEN_REQ);
	fresh(xrpc_get64(r->client_id));
	peer_pn = 1;
	send_token(0, 0, 0, 0);
	/* the request, then, the caller gone, the cancel */
	backs_off(XRPC_FT_OPEN, 20, 1);
	ok(ended(2, XRPC_UNKNOWN, ETIMEDOUT, ""), "unknown");
	changed(SESS, false, "TOKEN", "OPENING");
	changed(CALL, false, "PENDING", "SENDING");
	left(CALL, false, "SENDING", "DONE", 10);
	changed(CHAN, false, "IDLE", "ACTIVE");
	left(CHAN, false, "ACTIVE", "CANCELING", 10);
	left(SESS, false, "OPENING", "CLOSED", 20);
	left(SESS, false, "CLOSED", "DEAD", 0);
}

static void test_sending(void)
{
	part("one that takes a request and is silent");
	open_client(true, 1);
	changed(SESS, false, "OPENING", "OPEN");
	changed(CALL, false, "SENDING", "DONE");
	changed(CHAN, false, "ACTIVE", "IDLE");
	call_out("c", 3, 0, 0);
	call_out("d", 4, 2000000, 0);
	ok(ended(4, XRPC_NOT_EXECUTED, ETIME, ""),
	   "a call that waits for the channel: not executed");
	left(CALL, false, "PENDING", "DONE", 2);
	backs_off(XRPC_FT_DATA, 10, 0);
	ok(ended(3, XRPC_UNKNOWN, ETIMEDOUT, ""), "the other unknown");
	left(CALL, false, "SENDING", "DONE", 10);
	changed(CHAN, false, "ACTIVE", "CANCELING");
	left(SESS, false, "OPEN", "CLOSED", 20);
}

static void test_waiting(void)
{
	part("one that acknowledges a request and is silent");
	open_client(true, 16);
	call_out("e", 5, 0, 0);
	rx(100);
	begin(0, our_id);
	put_range(&out, peer_pn - 1, peer_pn - 1);
	tx();
	backs_off(XRPC_FT_PROBE, 10, 0);
	ok(ended(5, XRPC_UNKNOWN, ETIMEDOUT, ""), "unknown");
	changed(CALL, false, "SENDING", "WAITING");
	left(CALL, false, "WAITING", "DONE", 10);
	left(SESS, false, "OPEN", "CLOSED", 20);

	part("one that begins a reply and is silent");
	open_client(true, 16);
	call_out("f", 6, 0, 0);
	rx(100);
	begin(0, our_id);
	put_part(&out, 0, 2, req, 4096, 0, 1024);
	tx();
	backs_off(XRPC_FT_PROBE, 10, 0);
	ok(ended(6, XRPC_UNKNOWN, ETIMEDOUT, ""), "unknown");
	changed(CALL, false, "SENDING", "RECEIVING");
	left(CALL, false, "RECEIVING", "DONE", 10);
}

static void test_canceling(void)
{
	part("one that is silent about a cancel");
	open_client(true, 16);
	call_out("g", 7, 0, 0);
	rx(100);
	cancel_out(7);
	/* by its caller first, then, the caller gone, by the channel */
	backs_off(XRPC_FT_CANCEL, 20, 1);
	ok(ended(7, XRPC_UNKNOWN, ETIMEDOUT, ""), "unknown");
	changed(CALL, false, "SENDING", "CANCELING");
	left(CALL, false, "CANCELING", "DONE", 10);
	changed(CHAN, false, "ACTIVE", "CANCELING");
	left(SESS, false, "OPEN", "CLOSED", 20);

	part("one that is heard again before that");
	open_client(true, 16);
	call_out("h", 8, 500000, 0);
	ended(8, XRPC_UNKNOWN, ETIMEDOUT, "");
	rx_until(XRPC_FT_CANCEL, 1000);
	send_status(0, 2, XRPC_ST_DETACHED);
	changed(CHAN, false, "CANCELING", "IDLE");
}

static void test_reopening(void)
{
	uint32_t pn;

	part("one that forgets its client and is silent");
	open_client(true, 16);
	call_out("i", 9, 0, 0);
	rx(100);
	pn = peer_pn - 1;
	header(&out, 0, 0, 0);
	put_nosession(&out, pn, SID);
	tx_from(udp);
	backs_off(XRPC_FT_TOKEN_REQ, 10, 0);
	ok(ended(9, XRPC_UNKNOWN, ETIMEDOUT, ""), "unknown");
	changed(SESS, false, "OPEN", "REOPENING");
	left(SESS, false, "REOPENING", "CLOSED", 10);
	left(CALL, false, "SENDING", "DONE", 10);
}

static void test_idle(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", 9, 1);
	struct iovec iov = { NULL, 1 };
	struct msghdr m = {
		.msg_name = &a, .msg_namelen = sizeof(a),
		.msg_iov = &iov, .msg_iovlen = 1,
	};

	part("one that is not used any more");
	open_client(true, 16);
	pass(250000);
	left(SESS, false, "OPEN", "CLOSED", 240);
	left(SESS, false, "CLOSED", "DEAD", 0);

	part("one that never was");
	fails(sendmsg(client, &m, 0), EFAULT, "a send that cannot be read");
	pass(250000);
	changed(SESS, false, "NEW", "CLOSED");
	left(SESS, false, "CLOSED", "DEAD", 0);
	close(client);
	client = -1;
}

/* ---- a server whose client is silent --------------------------------- */

static void test_server(void)
{
	part("a client that is silent");
	follow = false;
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	close(udp);
	udp_at(&udp, "127.0.0.1", 0);
	aim("127.0.0.1", PORT);
	ok(open_session(0x4455667788990000ULL), "a session");
	done(0, 2);
	flush();
	ok(call(1, 1, "acked"), "a call whose reply is acknowledged");
	changed(CALL, true, "QUEUED", "REPLIED");
	changed(CALL, true, "REPLIED", "ACKED");
	begin(0, peer_id);
	put_method(&out, 2, 1, 0, 3000000, "late");
	tx();
	pass(4000);
	left(CALL, true, "QUEUED", "GONE", 3);
	changed(CHAN, true, "ACTIVE", "IDLE");
	changed(CHAN, true, "IDLE", "VERDICT");
	begin(0, peer_id);
	put_data(&out, 2, 2, "next");
	tx();
	ok(executed("next") && answer("n"), "the channel goes on");
	changed(CHAN, true, "VERDICT", "ACTIVE");
	done(2, 2);
	flush();

	begin(0, peer_id);
	put_part(&out, 3, 1, req, 4096, 0, 1024);
	tx();
	changed(CALL, true, "IDLE", "ARRIVING");
	pass(12000);
	left(CALL, true, "ARRIVING", "GONE", 10);
	ok(rx_until(XRPC_FT_STATUS, 10) && has_status(3, 1, XRPC_ST_EXPIRED),
	   "a request that does not go on is refused");
	flush();

	request(4, 1, "waits");
	request(5, 1, "replied");
	executed("waits");
	executed("replied");
	answer("r");
	request(6, 1, "never received");
	backs_off(XRPC_FT_DATA, 10, 0);
	pass(240000);
	left(CALL, true, "REPLIED", "GONE", 300);
	left(CALL, true, "QUEUED", "GONE", 300);
	changed(CALL, true, "ACKED", "GONE");
	changed(SESS, true, "OPEN", "CLOSED");
	ok(idle() && !rx(0), "nothing is left at the socket, nothing is sent");
	request(4, 1, "waits");
	ok(rx(100) && find(XRPC_FT_NOSESSION) && idle(), "it is not known");
	pass(610000);
	left(SESS, true, "CLOSED", "DEAD", 600);
}

/* ---- all of them ----------------------------------------------------- */

static bool visited(enum kind kind, const char *name)
{
	unsigned int i;

	for (i = 0; i < n_events; i++) {
		if (events[i].kind == kind &&
		    (!strcmp(events[i].from, name) ||
		     !strcmp(events[i].to, name)))
			return true;
	}
	return false;
}

static bool documented(const char *prefix, const char *name)
{
	char full[64];
	unsigned int i;

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	for (i = 0; i < sizeof(documented_states) / sizeof(char *); i++) {
		if (!strcmp(documented_states[i], full))
			return true;
	}
	return false;
}

int main(void)
{
	unsigned int i;
	int k;

	tap_begin();
	if (access(TRACING "events/xrpc/xrpc_session/enable", W_OK)) {
		printf("1..0 # SKIP no tracepoints here\n");
		return 4;
	}
	trace_write("trace", "");
	trace_write("trace_clock", "mono");
	for (k = 0; k < KINDS; k++) {
		char file[64];

		snprintf(file, sizeof(file), "events/xrpc/%s/enable",
			 kinds[k].event);
		trace_write(file, "1");
	}
	pipe_fd = open(TRACING "trace_pipe", O_RDONLY | O_NONBLOCK);

	test_token();
	test_opening();
	test_sending();
	test_waiting();
	test_canceling();
	test_reopening();
	test_idle();
	test_server();

	read_trace();
	for (k = 0; k < KINDS; k++) {
		for (i = 0; i < kinds[k].n; i++) {
			ok(visited(k, kinds[k].names[i]), "%s%s was visited",
			   kinds[k].prefix, kinds[k].names[i]);
			ok(documented(kinds[k].prefix, kinds[k].names[i]),
			   "and protocol.rst has a row for it");
		}
	}
	ok(n_events < sizeof(events) / sizeof(events[0]),
	   "no change was missed (%u)", n_events);
	trace_write("events/xrpc/enable", "0");
	return tap_end();
}
