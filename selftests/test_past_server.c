// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=3000
 *
 * What was wrong once at a server, and limits and clocks that nothing else
 * holds: requests that never end, answers without end, sessions without end,
 * tokens that run out.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "scripted.h"

#define PORT		4600
#define ID(n)		(0x6071829304150000ULL + (n))

/* Frames of a type in the packet received; STATUS of one code only. */
static unsigned int frames(uint8_t type, uint8_t code)
{
	struct xrpc_cursor c;
	unsigned int n = 0;
	int more;

	for (more = xrpc_wire_first(&c, in.b, in.len); more > 0;
	     more = xrpc_wire_next(&c)) {
		if (c.type == type && (type != XRPC_FT_STATUS ||
		    ((struct xrpc_status *)c.frame)->code == code))
			n++;
	}
	return n;
}

/* The same in all packets, until none comes for a time. */
static unsigned int all_frames(uint8_t type, uint8_t code, int ms)
{
	unsigned int n = 0;

	while (rx(ms))
		n += frames(type, code);
	return n;
}

/* ---- requests of several pieces -------------------------------------- */

static void test_total(void)
{
	static char msg[301];

	memset(msg, 't', 300);
	begin(0, peer_id);
	put_part(&out, 5, 1, msg, 300, 0, 300);
	tx();
	ok(executed(msg), "a message with a total in one segment is executed");
	ok(answer("T") && reply(5, 1, "T"), "and answered");
	begin(0, peer_id);
	put_part(&out, 5, 1, msg, 300, 0, 300);
	tx();
	ok(idle(), "once");
	flush();
	done(5, 1);
	begin(0, peer_id);
	put_part(&out, 5, 2, msg, 0, 0, 0);
	tx();
	ok(executed("") && answer("E") && reply(5, 2, "E"),
	   "an empty one as well");
	done(5, 2);
}

static void test_unfinished(void)
{
	static char msg[4097];

	memset(msg, 'u', 4096);
	begin(0, peer_id);
	put_part(&out, 37, 1, msg, 4096, 0, 1024);
	tx();
	flush();
	ok(!all_frames(XRPC_FT_STATUS, XRPC_ST_EXPIRED, 9000),
	   "a request whose rest does not come is waited for");
	ok(all_frames(XRPC_FT_STATUS, XRPC_ST_EXPIRED, 3000) == 1 && idle(),
	   "10 s, and refused, once");
	begin(0, peer_id);
	put_part(&out, 37, 1, msg, 4096, 1024, 1024);
	tx();
	begin(0, peer_id);
	put_part(&out, 37, 1, msg, 4096, 2048, 2048);
	tx();
	ok(all_frames(XRPC_FT_STATUS, XRPC_ST_EXPIRED, 50) == 2 && idle(),
	   "what comes of it later is told so, and does not run");
	ok(call(37, 2, "next"), "its channel goes on");
}

/* ---- peeking --------------------------------------------------------- */

static void *fault_page;
static ssize_t peeked;

static void *peeker(void *unused_arg)
{
	struct sockaddr_xrpc a;
	socklen_t len = sizeof(a);

	(void)unused_arg;
	peeked = recvfrom(srv, fault_page, 600, MSG_PEEK, (void *)&a, &len);
	return NULL;
}

/*
 * A thread peeks and its copy waits for a page; another one answers meanwhile.
 * The next request of the channel is read where it stands.
 */
static void test_peek(void)
{
	static char msg[4096] __attribute__((aligned(4096)));
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_copy cp = { .len = 4096 };
	struct sockaddr_xrpc a;
	socklen_t len = sizeof(a);
	char buf[700];
	pthread_t t;
	ssize_t n;
	int u;

	u = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (u < 0) {
		ok(1, "answered while it was peeked at # SKIP no userfaultfd");
		return;
	}
	fault_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)fault_page;
	reg.range.len = 4096;
	if (ioctl(u, UFFDIO_API, &api) || ioctl(u, UFFDIO_REGISTER, &reg)) {
		ok(0, "userfaultfd");
		return;
	}

	memset(msg, 'O', 600);
	begin(0, peer_id);
	put_part(&out, 6, 1, msg, 600, 0, 300);
	tx();
	begin(0, peer_id);
	put_part(&out, 6, 1, msg, 600, 300, 300);
	tx();
	n = recvfrom(srv, buf, 600, MSG_PEEK, (void *)&a, &len);
	ok(n == 600 && a.sxr_call, "peeked: the handle is known");
	pthread_create(&t, NULL, peeker, NULL);
	pass(100);
	ok(give_answer(srv, "r", 1, &a) == 1,
	   "it is answered while another thread copies it");
	cp.dst = (unsigned long)fault_page;
	cp.src = (unsigned long)msg;
	ioctl(u, UFFDIO_COPY, &cp);
	pthread_join(t, NULL);
	ok(peeked == 600, "which has it all (%zd)", peeked);
	flush();
	done(6, 1);
	ok(call(6, 2, "new"), "the channel's next request is itself");
	ok(idle(), "and nothing else is there");
	munmap(fault_page, 4096);
	close(u);
}

/* ---- answers --------------------------------------------------------- */

static void test_many_asked(void)
{
	unsigned int i, n;

	begin(0, peer_id);
	for (i = 0; i < 100; i++)
		put_ref(&out, XRPC_FT_PROBE, 100 + i, 1);
	tx();
	n = all_frames(XRPC_FT_STATUS, XRPC_ST_NOCALL, 50);
	ok(n == 16, "100 probes in a packet get 16 answers (%u)", n);
	begin(0, peer_id);
	for (i = 0; i < 600; i++)
		put_ref(&out, XRPC_FT_PROBE, 100 + i, 1);
	tx();
	n = all_frames(XRPC_FT_STATUS, XRPC_ST_NOCALL, 50);
	ok(n == 16, "as many as 600 (%u)", n);
	begin(0, peer_id);
	for (i = 0; i < 100; i++)
		put_ref(&out, XRPC_FT_PROBE, 5, 2);
	tx();
	n = all_frames(XRPC_FT_STATUS, XRPC_ST_DROPPED, 50);
	ok(n == 16, "so do those of one call that is over (%u)", n);
	request(38, 1, "slow");
	executed("slow");
	flush();
	begin(0, peer_id);
	for (i = 0; i < 40; i++)
		put_data(&out, 38, 1, "slow");
	tx();
	n = all_frames(XRPC_FT_STATUS, XRPC_ST_IN_PROGRESS, 50);
	ok(n == 16 && idle(), "and a request over and over (%u)", n);
	answer("s");
	ok(reply(38, 1, "s"), "which is answered once");
	begin(0, peer_id);
	for (i = 0; i < 40; i++)
		put_ref(&out, XRPC_FT_PROBE, 38, 1);
	for (i = 0; i < 40; i++)
		put_data(&out, 38, 1, "slow");
	tx();
	n = all_frames(XRPC_FT_DATA, 0, 50);
	ok(n <= 16, "no more replies than that for one packet (%u)", n);
	done(38, 1);
	begin(0, peer_id);
	for (i = 0; i < 100; i++)
		put_ref(&out, XRPC_FT_CANCEL, 300 + i, 1);
	tx();
	n = all_frames(XRPC_FT_STATUS, XRPC_ST_CANCELED, 50);
	ok(n == 16, "100 requests not seen are cancelled, 16 at a time (%u)", n);
	ok(call(399, 1, "not cancelled"), "those of the others count for nothing");
	done(399, 1);
	begin(0, peer_id);
	put_ref(&out, XRPC_FT_PROBE, 99, 1);
	tx();
	ok(status(99, 1, XRPC_ST_NOCALL), "the next packet has its own");
}

/*
 * The time-out behind a reply is longer than three round trips, here of 200 ms:
 * what comes before that was asked for.
 */
static void test_reply_again(void)
{
	unsigned int i, n = 0;

	fresh(ID(20));
	if (!ok(open_session(ID(20)), "a session of its own"))
		return;
	done(0, 2);
	request(0, 3, "far");
	executed("far");
	answer("F");
	ok(reply(0, 3, "F"), "a reply");
	pass(200);
	begin(0, peer_id)->echo = htobe32(peer_pn - 1);
	((struct xrpc_hdr *)out.b)->echo_delay = 0;
	put_data(&out, 0, 4, "farther");
	tx();
	executed("farther");
	answer("G");
	ok(reply(0, 4, "G"), "another, and the server knows a round trip of 200 ms");
	for (i = 0; i < 5; i++) {
		request(0, 4, "farther");
		n += all_frames(XRPC_FT_DATA, 0, 10);
	}
	ok(!n, "a duplicate within a round trip does not get the reply again");
	pass(160);
	request(0, 4, "farther");
	ok(rx(50) && has_data(0, 4, "G"), "after it, it does");
	request(0, 4, "farther");
	ok(silent(), "once in each");
	ok(idle(), "and nothing runs again");
	close_session();
}

/* ---- deadlines in the queue ------------------------------------------ */

/* Fill the server's queue; how many requests it took until it was full. */
static unsigned int fill(uint16_t chan, uint32_t s, uint32_t us)
{
	unsigned int n;

	for (n = 0; n < 200; n++) {
		begin(0, peer_id);
		put_method(&out, chan + n, s, 1, us, "wait");
		tx();
		/* ACKs of others may come in between */
		while (rx(0)) {
			if (has_status(chan + n, s, XRPC_ST_BUSY))
				return n;
		}
	}
	return n;
}

static void test_expiry(void)
{
	unsigned int n, m;
	int small = 1;

	setsockopt(srv, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	fresh(ID(21));
	ok(open_session(ID(21)), "a session at a socket with little room");
	done(0, 2);
	n = fill(100, 1, 200000);
	ok(n >= 1 && n < 200, "room for %u requests, and the next is refused", n);
	m = all_frames(XRPC_FT_STATUS, XRPC_ST_EXPIRED, 150);
	ok(!m, "none is refused for its deadline before that");
	m = all_frames(XRPC_FT_STATUS, XRPC_ST_EXPIRED, 250);
	ok(m == n, "all are when it passes, though nobody receives (%u)", m);
	ok(idle(), "nothing is left to receive");
	for (m = 0; m < n; m++) {
		begin(0, peer_id);
		put_method(&out, 100 + m, 1, 1, 200000, "wait");
		tx();
	}
	ok(all_frames(XRPC_FT_STATUS, XRPC_ST_EXPIRED, 50) == n && idle(),
	   "who asks again is told the same");
	m = fill(400, 1, 200000);
	ok(m == n, "there is room again for as many (%u)", m);
	all_frames(XRPC_FT_STATUS, XRPC_ST_EXPIRED, 400);
	request(700, 1, "patient");
	pass(1000);
	ok(executed("patient") && answer("p"), "one without deadline stays");
	flush();
	close_session();
	small = 1 << 18;
	setsockopt(srv, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
}

/* ---- limits of sessions ---------------------------------------------- */

/* One for all sessions: each sees numbers that grow. */
static uint32_t any_pn;

/* Open a session from a socket; whether its request ran. */
static bool opens(int fd, uint64_t id, const struct xrpc_token *t,
		  const char *text)
{
	bool ran;

	header(&out, XRPC_HF_OPENING, any_pn++, 0);
	put_open(&out, t, id);
	put_data(&out, 0, 1, text);
	tx_from(fd);
	ran = executed(text);
	if (ran)
		answer("o");
	return ran;
}

static bool closes(int fd, uint64_t id, const struct xrpc_token *t)
{
	uint64_t before = counter("SessionsClosed");

	header(&out, XRPC_HF_OPENING, any_pn++, 0);
	put_open(&out, t, id);
	put_close(&out);
	tx_from(fd);
	pass(10);
	return counter("SessionsClosed") == before + 1;
}

static void drain(int fd)
{
	while (rx_at(fd, 10))
		;
}

/* No word at all, and counted. */
static bool dropped(int fd, uint64_t id, const struct xrpc_token *t)
{
	uint64_t before = counter("DropLimit");

	drain(fd);
	return !opens(fd, id, t, "beyond") && !rx_at(fd, 50) &&
	       counter("DropLimit") == before + 1;
}

/* A RETRY, and nothing runs. */
static bool worthless(int fd, uint64_t id, const struct xrpc_token *t)
{
	const struct xrpc_token_frame *f;

	drain(fd);
	return !opens(fd, id, t, "worthless") && rx_at(fd, 50) &&
	       want_frame(f, XRPC_FT_TOKEN) && f->h.flags & XRPC_TF_RETRY;
}

/*
 * What is drawn by one frame of a packet must not acknowledge another, which may
 * not be taken.
 */
static void test_acknowledged(void)
{
	const struct xrpc_fhdr *f;
	unsigned int n = 0;

	flush();
	request(40, 1, "slow");
	executed("slow");
	flush();
	begin(0, peer_id);
	put_ref(&out, XRPC_FT_PROBE, 40, 1);
	put_part(&out, 41, 1, "0123456789", 10, 0, 10);
	tx();
	ok(rx(100) && has_status(40, 1, XRPC_ST_IN_PROGRESS) &&
	   !find(XRPC_FT_ACK), "an answer to one frame acknowledges no other");
	while (rx(50)) {
		f = find(XRPC_FT_ACK);
		n += !!f;
	}
	ok(executed("0123456789") && n == 1, "the packet is, later (%u)", n);
	answer("0");
	rx(50);
	done(41, 1);
	flush();
}

static void test_many_refused(void)
{
	unsigned int i, n;

	fresh(ID(22));
	if (!ok(open_session(ID(22)), "a session whose server's socket goes"))
		return;
	close(srv);
	flush();
	begin(0, peer_id);
	for (i = 0; i < 100; i++)
		put_data(&out, 500 + i, 1, "");
	tx_untaken();
	n = all_frames(XRPC_FT_STATUS, XRPC_ST_REFUSED, 50);
	ok(n == 16, "100 requests to nobody in a packet get 16 answers (%u)",
	   n);
	begin(0, peer_id);
	put_data(&out, 599, 1, "");
	tx();
	n = all_frames(XRPC_FT_STATUS, XRPC_ST_REFUSED, 50);
	ok(n == 1, "what got none gets its own when it comes again");
}

static void test_limit_client(void)
{
	struct xrpc_token t, t2;
	uint64_t before;
	unsigned int i;
	int fd, other;

	/* nothing remembered is in the way: an endpoint of its own */
	srv = server_at(at("127.0.0.1", PORT + 1, SERVICE));
	aim("127.0.0.1", PORT + 1);
	udp_at(&fd, "127.0.0.2", 0);
	udp_at(&other, "127.0.0.2", 0);
	ok(fetch_token(fd, ID(30), &t), "a token");
	set_sysctl("max_sessions_client", 4);
	for (i = 0; i < 4 && opens(fd, ID(30) + i, &t, "fits"); i++)
		;
	ok(i == 4, "a client opens as many sessions as it may");
	ok(dropped(fd, ID(34), &t), "beyond them there is no word");
	/* that asks for room as well; what does not help is not done */
	pass(1500);
	drain(fd);
	ok(!opens(fd, ID(30), &t, "fits") && rx_at(fd, 50) &&
	   has_data(0, 1, "o"), "those that are there stay, and answer");
	ok(closes(fd, ID(30), &t) && closes(fd, ID(31), &t), "it closes two");
	before = counter("SessionsForgotten");
	ok(dropped(fd, ID(35), &t), "they count as long as they are remembered");
	ok(!opens(fd, ID(30), &t, "fits"),
	   "as they are: a late duplicate does not run");
	pass(500);
	ok(counter("SessionsForgotten") == before + 2,
	   "until there is want of room");
	ok(worthless(fd, ID(36), &t), "an old token is worth nothing then");
	ok(worthless(fd, ID(30), &t) && worthless(fd, ID(31), &t),
	   "so a late duplicate of a forgotten session does not run");
	ok(fetch_token(fd, ID(36), &t2) && opens(fd, ID(36), &t2, "new") &&
	   opens(fd, ID(37), &t2, "new"), "new ones open again");
	ok(dropped(fd, ID(38), &t2), "as many as were closed");
	drain(fd);
	ok(!opens(fd, ID(32), &t, "fits") && rx_at(fd, 50) &&
	   has_data(0, 1, "o"), "the others were not forgotten");
	ok(fetch_token(other, ID(39), &t) && opens(other, ID(39), &t, "other"),
	   "another client of that host has its own limit");
	set_sysctl("max_sessions_client", 1024);
	close(fd);
	close(other);
	close(srv);
}

static void test_limit_prefix(void)
{
	struct xrpc_token t[6];
	unsigned int i, good = 0;
	char host[32];
	int fd[6];

	srv = server_at(at("127.0.0.1", PORT + 2, SERVICE));
	aim("127.0.0.1", PORT + 2);
	set_sysctl("max_sessions_prefix", 2);
	for (i = 0; i < 6; i++) {
		/* three of one prefix; two others may share a slot with it */
		snprintf(host, sizeof(host), "127.%u.7.%u", i < 3 ? 0 : i,
			 i + 1);
		udp_at(&fd[i], host, 0);
		fetch_token(fd[i], ID(50) + i, &t[i]);
	}
	ok(opens(fd[0], ID(50), &t[0], "a") && opens(fd[1], ID(51), &t[1], "b"),
	   "a prefix opens as many sessions as it may");
	ok(dropped(fd[2], ID(52), &t[2]), "and no more");
	for (i = 3; i < 6; i++)
		good += opens(fd[i], ID(50) + i, &t[i], "c");
	ok(good, "others do (%u)", good);
	ok(closes(fd[0], ID(50), &t[0]), "one is closed");
	pass(1500);
	ok(dropped(fd[2], ID(52), &t[2]), "and asked for");
	pass(500);
	ok(worthless(fd[2], ID(52), &t[2]), "a token from before that is not good");
	ok(fetch_token(fd[2], ID(52), &t[2]) &&
	   opens(fd[2], ID(52), &t[2], "d"), "a new one is");
	set_sysctl("max_sessions_prefix", 16384);
	for (i = 0; i < 6; i++)
		close(fd[i]);
	close(srv);
}

static void test_limit_all(void)
{
	struct xrpc_token t, t2;
	uint64_t before;
	unsigned int i;
	int fd, other;

	srv = server_at(at("127.0.0.1", PORT + 3, SERVICE));
	aim("127.0.0.1", PORT + 3);
	udp_at(&fd, "127.0.0.3", 0);
	udp_at(&other, "127.3.4.5", 0);
	fetch_token(fd, ID(60), &t);
	fetch_token(other, ID(70), &t2);
	/* the two before left sessions, which their endpoints remember */
	before = counter("DropLimit");
	for (i = 1; i < 100; i++) {
		set_sysctl("max_sessions", i);
		if (opens(fd, ID(60), &t, "e"))
			break;
	}
	ok(i < 100 && counter("DropLimit") == before + i - 1,
	   "a namespace has room for so many sessions, here %u", i);
	ok(dropped(other, ID(70), &t2), "and for nobody's beyond");
	ok(closes(fd, ID(60), &t), "one is closed");
	pass(1500);
	ok(dropped(other, ID(70), &t2), "and asked for");
	pass(500);
	ok(worthless(other, ID(70), &t2) && worthless(fd, ID(60), &t),
	   "tokens from before that are not good");
	ok(fetch_token(other, ID(70), &t2) && opens(other, ID(70), &t2, "f"),
	   "a new one is");
	set_sysctl("max_sessions", 65536);
	close(fd);
	close(other);
	close(srv);
}

/* ---- the age of tokens ----------------------------------------------- */

static void wait_until(uint64_t ms)
{
	uint64_t now;

	while ((now = now_ms()) < ms)
		pass(ms - now);
}

/* The secret changes every 300 s of the host's clock. */
static void test_token_age(void)
{
	struct xrpc_token t[3];
	uint64_t at_ms[3];
	unsigned int i;

	srv = server_at(at("127.0.0.1", PORT + 4, SERVICE));
	aim("127.0.0.1", PORT + 4);
	/* a little behind a change, so that there are two in 600 s */
	wait_until((now_ms() / 300000 + 1) * 300000 + 2000);
	/* where the last words of the endpoints before do not come */
	close(udp);
	udp_at(&udp, "127.0.0.1", 0);
	fresh(0);
	for (i = 0; i < 3; i++) {
		if (i)
			wait_until(at_ms[0] + i * 280000);
		at_ms[i] = now_ms();
		ok(fetch_token(udp, ID(80), &t[i]), "a token, %u s later",
		   i * 280);
	}
	for (i = 0; i < 3; i++) {
		wait_until(at_ms[i] + 599000);
		ok(opens(udp, ID(81) + 2 * i, &t[i], "young"),
		   "good after 599 s");
		wait_until(at_ms[i] + 601000);
		ok(worthless(udp, ID(82) + 2 * i, &t[i]), "not after 601 s");
	}
	wait_until(at_ms[2] + 1300000);
	ok(worthless(udp, ID(90), &t[0]) && worthless(udp, ID(91), &t[2]),
	   "nor ever again");
	close(srv);
}

int main(void)
{
	tap_begin();
	/* counters and limits of its own */
	if (unshare(CLONE_NEWNET) || system("ip link set lo up")) {
		printf("1..0 # SKIP no network namespace to be had\n");
		return 4;
	}
	close(xrpc_socket());
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	udp_at(&udp, "127.0.0.1", 0);
	aim("127.0.0.1", PORT);
	if (!ok(open_session(ID(0)), "a session"))
		return tap_end();
	done(0, 2);
	test_total();
	test_unfinished();
	test_peek();
	test_many_asked();
	test_acknowledged();
	test_reply_again();
	test_expiry();
	test_many_refused();
	test_limit_client();
	test_limit_prefix();
	test_limit_all();
	test_token_age();
	return tap_end();
}
