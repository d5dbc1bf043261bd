// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=20000
 *
 * What was wrong once with sockets and what outlives them: too little memory,
 * endpoints that linger, sessions that pile up, receivers not woken, a host
 * whose address changes.
 */
#include "netns.h"

#include <pthread.h>
#include <sys/wait.h>

#include "scripted_server.h"

#define PORT		4700
#define MODULE		"/xrpc/xrpc.ko"

/* ---- memory ---------------------------------------------------------- */

static void set_mem(const char *text)
{
	FILE *f = fopen("/proc/sys/net/xrpc/mem", "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		printf("# net.xrpc.mem: %s\n", strerror(errno));
}

#define FILLERS	400

static int filler[FILLERS];
static int nfillers;

/* Fill sockets until so many pages are used, or there are no more. */
static bool fill_pages(unsigned long pages, bool *refused)
{
	static char big[XRPC_MSG_MAX];

	*refused = false;
	while (nfillers < FILLERS && !*refused) {
		int fd = client_to(at("127.0.0.1", 9, 1));

		filler[nfillers++] = fd;
		while (send(fd, big, sizeof(big), MSG_DONTWAIT) > 0) {
			if (counter("MemPages") > pages)
				return true;
		}
		*refused = errno == ENOBUFS;
	}
	return false;
}

static void test_memory(void)
{
	struct sockaddr_xrpc old[8], a;
	unsigned int i, good;
	char was[100] = "", buf[8];
	unsigned long before, used;
	bool refused;
	int s, c, c2;
	FILE *f;

	f = fopen("/proc/sys/net/xrpc/mem", "r");
	if (!f || !fgets(was, sizeof(was), f)) {
		ok(0, "net.xrpc.mem can be read");
		return;
	}
	fclose(f);
	before = counter("MemPages");
	s = server_at(at("127.0.0.1", PORT, SERVICE));
	c = client_to(at("127.0.0.1", PORT, SERVICE));
	c2 = client_to(at("127.0.0.1", PORT, SERVICE));
	for (i = 0, good = 0; i < 8; i++) {
		send(c, "old", 3, 0);
		good += get_request(s, buf, 8, &old[i]) == 3;
	}
	for (i = 0; i < 8; i++)
		send(c, "queued", 6, 0);
	pass(100);
	ok(good == 8, "a server has calls");

	set_mem("1024 2048 4096");
	ok(fill_pages(2500, &refused), "sockets are filled beyond the pressure");
	ok(send(c2, "new", 3, 0) == 3, "a socket may have a little all the same");
	fails(recv(c2, buf, 8, 0), EBUSY, "its request is refused");
	for (i = 0, good = 0; i < 8; i++) {
		good += give_answer(s, "r", 1, &old[i]) == 1 &&
			recv(c, buf, 8, 0) == 1;
	}
	ok(good == 8, "calls that the server has are answered (%u)", good);
	for (i = 0, good = 0; i < 4; i++) {
		good += get_request(s, buf, 8, &a) == 6 &&
			give_answer(s, "r", 1, &a) == 1 &&
			recv(c, buf, 8, 0) == 1;
	}
	ok(good == 4, "as are those that waited in its queue (%u)", good);

	fill_pages(1000000, &refused);
	used = counter("MemPages");
	ok(refused && used <= 4096 + 512,
	   "beyond the limit requests are not taken (%lu pages)", used);
	for (i = 0, good = 0; i < 4; i++) {
		good += get_request(s, buf, 8, &a) == 6 &&
			give_answer(s, "r", 1, &a) == 1;
	}
	ok(good == 4, "what is there already is answered there as well");
	while (nfillers)
		close(filler[--nfillers]);
	for (i = 0, good = 0; i < 4; i++)
		good += recv(c, buf, 8, 0) == 1;
	ok(good == 4, "the answers come, at the latest when there is room (%u)",
	   good);
	ok(send(c2, "more", 4, 0) == 4 && get_request(s, buf, 8, &a) == 4 &&
	   give_answer(s, "r", 1, &a) == 1 && recv(c2, buf, 8, 0) == 1,
	   "then there are new calls");
	close(s);
	close(c);
	close(c2);
	pass(1000);
	used = counter("MemPages");
	ok(used <= before, "and all the memory is back (%lu of %lu)", used,
	   before);
	set_mem(was);
}

/* ---- receivers ------------------------------------------------------- */

struct receiver {
	int fd, error;
	enum { BARE, ADDRESS, SERVE } how;
	ssize_t n;
	uint64_t at;
	struct sockaddr_xrpc from;
	pthread_t thread;
};

static void *receive(void *p)
{
	struct receiver *r = p;
	char buf[16];
	struct xrpc_serve_args x = {
		.req = (uintptr_t)buf, .req_len = sizeof(buf),
	};

	if (r->how == BARE)
		r->n = recv(r->fd, buf, sizeof(buf), 0);
	else if (r->how == ADDRESS)
		r->n = get_request(r->fd, buf, sizeof(buf), &r->from);
	else
		r->n = ioctl(r->fd, XRPC_IOC_SERVE, &x);
	r->error = r->n < 0 ? errno : 0;
	r->at = now_ms();
	return NULL;
}

static void start_receiver(struct receiver *r)
{
	pthread_create(&r->thread, NULL, receive, r);
	pass(50);
}

/*
 * Two threads wait at a socket.  What comes wakes one, which cannot take it and
 * leaves: the other one has to be woken for it.
 */
static void test_woken(void)
{
	struct receiver first = { .how = BARE }, second = { .how = ADDRESS };
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 1, SERVICE), src;
	int s = server_at(a), c = client_to(a);
	uint64_t sent;
	char buf[8];

	first.fd = second.fd = s;
	start_receiver(&first);
	start_receiver(&second);
	sent = now_ms();
	send(c, "req", 3, 0);
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	ok(first.n == -1 && first.error == EDESTADDRREQ,
	   "a receiver without room for the address leaves a request");
	ok(second.n == 3 && second.at - sent < 5000,
	   "the next one is woken for it (%llu ms)",
	   (unsigned long long)(second.at - sent));
	ok(give_answer(s, "r", 1, &second.from) == 1 &&
	   recv(c, buf, 8, 0) == 1, "and answers");

	/* a socket that serves and has the result of a call of its own */
	first.how = SERVE;
	close(c);
	first.fd = second.fd = c = server_at(at("127.0.0.1", PORT + 2, SERVICE));
	sendto(c, "mine", 4, 0, (void *)&a, sizeof(a));
	get_request(s, buf, 8, &src);
	start_receiver(&first);
	start_receiver(&second);
	sent = now_ms();
	give_answer(s, "re", 2, &src);
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	ok(first.n == -1 && first.error == EPROTO,
	   "who serves does not take the result of a call");
	ok(second.n == 2 && second.at - sent < 5000,
	   "who receives is woken for it (%llu ms)",
	   (unsigned long long)(second.at - sent));
	close(c);
	close(s);
}

/* ---- sessions -------------------------------------------------------- */

/* Session objects there are, -1 where the kernel does not tell. */
static long sessions(void)
{
	static const char dir[] = "/sys/kernel/slab/xrpc_session/";
	char path[100];
	long n = -1;
	FILE *f;

	/* those that RCU still holds, then those that are only kept at hand */
	pass(1000);
	snprintf(path, sizeof(path), "%sshrink", dir);
	f = fopen(path, "w");
	if (f) {
		fputs("1", f);
		fclose(f);
	}
	snprintf(path, sizeof(path), "%sobjects", dir);
	f = fopen(path, "r");
	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* A socket that lives long calls now and then. */
static void test_idle_sessions(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 3, SERVICE), src;
	int s = server_at(a), c = xrpc_socket(), i, rounds = scaled(30);
	long before = sessions(), n;
	uint64_t opened;
	char buf[8];

	opened = counter("SessionsOpened");
	if (rounds < 6)
		rounds = 6;
	for (i = 0; i < rounds; i++) {
		sendto(c, "q", 1, 0, (void *)&a, sizeof(a));
		if (get_request(s, buf, 8, &src) != 1 ||
		    give_answer(s, "r", 1, &src) != 1 ||
		    recv(c, buf, 8, 0) != 1)
			break;
		pass(250000);
	}
	ok(i == rounds && counter("SessionsOpened") == opened + rounds,
	   "a call every four minutes opens a session each time");
	/* for so long the server remembers the last of them */
	pass(700000);
	n = sessions();
	ok(n - before <= 1, "they are forgotten (%ld more)", n - before);
	close(s);
	close(c);
}

/* A server that ends the session behind each reply. */
static void test_closed_sessions(void)
{
	const struct xrpc_token_req *r;
	const struct xrpc_open *o;
	long before, n;
	int i;

	new_client(true);
	before = sessions();
	for (i = 0; i < 200; i++) {
		call_out("q", 1, 0, 0);
		if (!rx(100))
			break;
		if (want_frame(r, XRPC_FT_TOKEN_REQ)) {
			fresh(xrpc_get64(r->client_id));
			send_token(0, 0, 0, 0);
			rx(100);
		}
		if (!want_frame(o, XRPC_FT_OPEN))
			break;
		fresh(xrpc_get64(o->client_id));
		peer_pn = be32toh(in_hdr()->pn) + 1;
		begin(0, our_id);
		put_accept(&out, SID + i, EPOCH, 16);
		put_data(&out, 0, 1, "ok");
		put_close(&out);
		tx();
		if (!ended(1, XRPC_REPLIED, 0, "ok"))
			break;
	}
	ok(i == 200, "200 calls of a server that closes behind each (%d)", i);
	n = sessions();
	ok(n - before <= 2, "their sessions are gone (%ld more)", n - before);
	close(client);
	client = -1;
}

/* Sends whose bytes cannot be read begin no call, but a session. */
static void test_faulting_sends(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", 1, SERVICE);
	long before = sessions(), most, n;
	int fd = xrpc_socket(), i, bad = 0;

	for (i = 1; i <= 500; i++) {
		a.sxr_port = htons(i);
		if (sendto(fd, NULL, 1, 0, (void *)&a, sizeof(a)) != -1 ||
		    errno != EFAULT)
			bad++;
	}
	ok(!bad, "500 sends fail with EFAULT");
	most = sessions();
	pass(300000);
	/* what is over is let go on the way of the next sends */
	for (i = 1001; i <= 1100; i++) {
		a.sxr_port = htons(i);
		sendto(fd, NULL, 1, 0, (void *)&a, sizeof(a));
	}
	n = sessions();
	ok(n - before <= 150, "their sessions do not stay (%ld of %ld)",
	   n - before, most - before);
	close(fd);
	pass(1000);
	n = sessions();
	ok(n - before <= 0, "nothing does when the socket goes (%ld)", n - before);
}

/* ---- a host whose address changes ------------------------------------ */

static void *echo(void *p)
{
	int fd = *(int *)p;
	struct sockaddr_xrpc a;
	char buf[16];
	ssize_t n;

	for (;;) {
		n = get_request(fd, buf, sizeof(buf), &a);
		if (n >= 0)
			give_answer(fd, buf, n, &a);
		/* a child's end may interrupt it */
		else if (errno != EAGAIN && errno != EINTR)
			return NULL;
	}
}

static bool call_to(int fd, const struct sockaddr_xrpc *a)
{
	char reply[16];
	struct xrpc_call_args x = {
		.req = (uintptr_t)"ping", .req_len = 4, .deadline = 3000000,
		.reply = (uintptr_t)reply, .reply_len = sizeof(reply),
		.addr = (uintptr_t)a, .addr_len = a ? sizeof(*a) : 0,
	};

	return !ioctl(fd, XRPC_IOC_CALL, &x) && x.reply_len == 4 &&
	       !memcmp(reply, "ping", 4);
}

static void change_address(bool v6, int from_host, int to_host)
{
	if (v6)
		run("ip -n c addr del fd01::%d/64 dev vc;"
		    "ip -n c addr add fd01::%d/64 dev vc nodad;"
		    "ip -n c -6 route replace default via fd01::1", from_host,
		    to_host);
	else
		run("ip -n c addr del 192.168.0.%d/24 dev vc;"
		    "ip -n c addr add 192.168.0.%d/24 dev vc;"
		    "ip -n c route replace default via 192.168.0.1", from_host,
		    to_host);
}

static void test_address(bool v6)
{
	const char *host = v6 ? "fd00::2" : "10.0.0.2", *ip = v6 ? "IPv6" : "IPv4";
	struct sockaddr_xrpc a = at(host, PORT, 0), b = at(host, PORT + 1, 0), src;
	int c, u, h, s, i;
	char buf[16];

	ns_enter("s");
	s = server_at(b);
	ns_enter("c");
	c = client_to(a);
	u = xrpc_socket();
	h = xrpc_socket();
	/* the horizon is another test's */
	pass(1000);
	ok(call_to(c, NULL) && call_to(u, &a), "%s: calls", ip);
	sendto(h, "hold", 4, 0, (void *)&b, sizeof(b));
	ok(get_request(s, buf, sizeof(buf), &src) == 4, "and one is under way");
	change_address(v6, 2, 7);
	ok(call_to(u, &a), "a socket that is not connected goes on from the new address");
	give_answer(s, "held", 4, &src);
	ok(recv(h, buf, sizeof(buf), 0) == 4, "the reply under way comes there");
	for (i = 0; i < 20 && !call_to(c, NULL); i++)
		pass(100);
	ok(i < 20, "a connected one goes on, at the latest in a new session (%d)",
	   i);
	ok(call_to(c, NULL), "and stays");
	close(h);
	h = client_to(a);
	ok(call_to(h, NULL), "a new socket has no trouble");
	change_address(v6, 7, 2);
	close(c);
	close(u);
	close(h);
	close(s);
}

static void test_addresses(void)
{
	static int fd4, fd6;
	pthread_t t;

	setup_router();
	ns_enter("s");
	fd4 = server_at(at("10.0.0.2", PORT, 0));
	fd6 = server_at(at("fd00::2", PORT, 0));
	pthread_create(&t, NULL, echo, &fd4);
	pthread_create(&t, NULL, echo, &fd6);
	test_address(false);
	test_address(true);
}

/*
 * A token is of one port of the client.  Another socket that uses it gets a
 * RETRY, of the same epoch, and goes on: the server has forgotten nothing.
 */
static void test_second_socket(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT + 4, SERVICE);
	unsigned int trust;
	int c, c2, s;
	pthread_t t;

	for (trust = 2; trust--; ) {
		set_sysctl("trust_horizon", trust);
		a.sxr_port = htons(PORT + 4 + trust);
		s = server_at(a);
		pthread_create(&t, NULL, echo, &s);
		c = client_to(a);
		c2 = client_to(a);
		ok(call_to(c, NULL), "a server that has just begun answers");
		ok(call_to(c2, NULL), "and another client's first call%s",
		   trust ? "" : ", whose host trusts no horizon");
		if (!trust) {
			pass(1000);
			close(c2);
			c2 = client_to(a);
			ok(call_to(c2, NULL), "also later");
		}
		close(c);
		close(c2);
		pthread_cancel(t);
		pthread_join(t, NULL);
		close(s);
	}
	set_sysctl("trust_horizon", 1);
}

/* ---- lingering ------------------------------------------------------- */

/* A server of one user goes, and another user has its port. */
static bool taken_over(void)
{
	struct sockaddr_xrpc a = at("127.0.0.1", PORT, SERVICE), src;
	int s, c, status = 1;
	char buf[8];
	bool good;

	set_sysctl("linger_ms", 4000);
	s = server_at(a);
	c = client_to(a);
	send(c, "q", 1, 0);
	good = get_request(s, buf, 8, &src) == 1 &&
	       give_answer(s, "r", 1, &src) == 1 && recv(c, buf, 8, 0) == 1;
	close(s);
	if (!fork()) {
		if (setuid(1000))
			_exit(2);
		close(server_at(a));
		_exit(0);
	}
	wait(&status);
	close(c);
	set_sysctl("linger_ms", 60000);
	return good && !status;
}

static void test_linger_ns(void)
{
	int status = 1;

	if (!fork()) {
		if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
			_exit(2);
		_exit(!taken_over());
	}
	wait(&status);
	ok(!status, "another user takes over the port of a lingering endpoint");
	pass(8000);
	ok(1, "and the namespace goes, with what was left of it");
}

/* Last: the module goes. */
static void test_linger_module(void)
{
	bool gone = false;
	int i;

	if (access(MODULE, R_OK)) {
		ok(1, "the module goes # SKIP no " MODULE " to load");
		return;
	}
	ok(taken_over(), "another user takes over the port once more");
	for (i = 0; i < 100 && !gone; i++) {
		pass(100);
		gone = !system("rmmod xrpc 2>/dev/null");
	}
	ok(gone, "the module goes, with what was left of it");
	pass(8000);
	ok(!system("insmod " MODULE), "and comes again");
}

/* What a process has open goes with it. */
static void in_child(void (*test)(void))
{
	int fds[2], state[2], status;

	if (pipe(fds))
		return;
	if (!fork()) {
		test();
		state[0] = tap_n;
		state[1] = tap_failed;
		_exit(write(fds[1], state, sizeof(state)) != sizeof(state));
	}
	wait(&status);
	if (status || read(fds[0], state, sizeof(state)) != sizeof(state)) {
		printf("Bail out! a test's process ended with %x\n", status);
		exit(1);
	}
	tap_n = state[0];
	tap_failed = state[1];
}

int main(void)
{
	tap_begin();
	close(xrpc_socket());
	pass(1000);
	test_memory();
	test_woken();
	if (sessions() < 0) {
		ok(1, "sessions do not pile up # SKIP the kernel does not tell");
	} else {
		test_idle_sessions();
		test_closed_sessions();
		test_faulting_sends();
	}
	test_second_socket();
	in_child(test_addresses);
	test_linger_ns();
	test_linger_module();
	return tap_end();
}
