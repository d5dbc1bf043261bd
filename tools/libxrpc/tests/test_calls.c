// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Calls from end to end, over the loopback; skipped without AF_XRPC. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../libxrpc.h"

#define CALLERS		4
#define SERVERS		3
#define CALLS		50

/**
 * struct pair - a server and a client of it
 * @server: the server
 * @client: the client
 * @addr: where the client calls
 * @threads: threads in xrpc_serve()
 * @nthreads: how many
 * @served: requests that handlers saw
 */
struct pair {
	struct xrpc_server *server;
	struct xrpc_client *client;
	struct sockaddr_xrpc addr;
	pthread_t threads[SERVERS];
	int nthreads;
	atomic_int served;
};

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static struct pair *pair_of(void **state)
{
	return *state;
}

static int setup(void **state)
{
	struct pair *pair = test_calloc(1, sizeof(*pair));

	pair->server = xrpc_listen("0", 0);
	if (!pair->server || xrpc_server_addr(pair->server, &pair->addr))
		return -1;
	pair->addr.sxr_addr = in6addr_loopback;
	pair->client = xrpc_open_addr(&pair->addr);
	if (!pair->client)
		return -1;
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;
	void *result;
	int err = 0;

	if (pair->server)
		xrpc_server_stop(pair->server);
	while (pair->nthreads--) {
		pthread_join(pair->threads[pair->nthreads], &result);
		if (result)
			err = -1;
	}
	xrpc_close(pair->client);
	xrpc_server_close(pair->server);
	test_free(pair);
	return err;
}

/*
 * Method 0 returns the request and takes its length for the status, 1 sleeps
 * as many milliseconds as it says, 2 returns 64 KiB.
 */
static int handle(const struct xrpc_request *req, struct xrpc_reply *rep, void *user)
{
	struct pair *pair = user;
	uint32_t ms;

	pair->served++;
	rep->data = req->data;
	rep->len = req->len;
	rep->status = req->len;
	if (req->method == 1) {
		memcpy(&ms, req->data, sizeof(ms));
		sleep_ms(ms);
	} else if (req->method == 2) {
		memset(rep->buf, 'x', rep->room);
		rep->data = rep->buf;
		rep->len = rep->room;
	}
	return XRPC_ANSWER;
}

static void *serve(void *arg)
{
	struct pair *pair = arg;

	return xrpc_serve(pair->server, handle, pair) ? arg : NULL;
}

static void start_serving(struct pair *pair, int threads)
{
	for (pair->nthreads = 0; pair->nthreads < threads; pair->nthreads++)
		assert_int_equal(pthread_create(&pair->threads[pair->nthreads], NULL,
						serve, pair), 0);
}

static enum xrpc_outcome echo(struct pair *pair, const char *text, char *reply,
			      size_t *len, struct xrpc_info *info)
{
	return xrpc_call(pair->client, 0, text, strlen(text), reply, len,
			 5 * XRPC_SECOND, info);
}

static void call_brings_reply_and_status(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_info info;
	char reply[16];
	size_t len = sizeof(reply);

	start_serving(pair, 1);
	assert_int_equal(echo(pair, "hello", reply, &len, &info), XRPC_REPLIED);
	assert_int_equal(len, 5);
	assert_memory_equal(reply, "hello", 5);
	assert_int_equal(info.outcome, XRPC_REPLIED);
	assert_int_equal(info.error, 0);
	assert_int_equal(info.status, 5);
	assert_int_equal(info.flags, 0);
	assert_int_equal(info.length, 5);
}

static void reply_that_does_not_fit_is_cut_and_said_to_be(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_info info;
	char reply[3];
	size_t len = 2;

	start_serving(pair, 1);
	reply[2] = '!';
	assert_int_equal(echo(pair, "hello", reply, &len, &info), XRPC_REPLIED);
	assert_int_equal(len, 2);
	assert_memory_equal(reply, "he!", 3);
	assert_int_equal(info.flags, XRPC_INFO_TRUNCATED);
	assert_int_equal(info.length, 5);
	assert_int_equal(xrpc_call(pair->client, 0, "x", 1, NULL, NULL, 0, &info),
			 XRPC_REPLIED);
	assert_int_equal(info.flags, XRPC_INFO_TRUNCATED);
}

static void messages_have_any_length_up_to_the_limit(void **state)
{
	static char req[XRPC_MSG_MAX + 1], reply[XRPC_MSG_MAX];
	static const size_t lens[] = { 0, 1, 1000, 1500, 9000, 65535, 65536 };
	struct pair *pair = pair_of(state);
	size_t i, len;

	start_serving(pair, 1);
	for (i = 0; i < sizeof(req); i++)
		req[i] = i * 7 + i / 256;
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		len = sizeof(reply);
		assert_int_equal(xrpc_call(pair->client, 0, req, lens[i], reply,
					   &len, 0, NULL), XRPC_REPLIED);
		assert_int_equal(len, lens[i]);
		assert_memory_equal(req, reply, len);
	}
	len = sizeof(reply);
	assert_int_equal(xrpc_call(pair->client, 0, req, sizeof(req), reply, &len, 0, NULL),
			 XRPC_NOT_EXECUTED);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(len, 0);
	assert_int_equal(xrpc_start(pair->client, 0, 0, req, sizeof(req), 0, 0), -1);
	assert_int_equal(errno, EMSGSIZE);
}

static void handler_may_fill_all_of_its_room(void **state)
{
	static char reply[XRPC_MSG_MAX];
	struct pair *pair = pair_of(state);
	size_t len = sizeof(reply);

	start_serving(pair, 1);
	assert_int_equal(xrpc_call(pair->client, 2, NULL, 0, reply, &len, 0, NULL),
			 XRPC_REPLIED);
	assert_int_equal(len, sizeof(reply));
	assert_int_equal(reply[sizeof(reply) - 1], 'x');
}

static void *call_many(void *arg)
{
	struct pair *pair = arg;
	char want[32], reply[32];
	size_t len;
	int i;

	for (i = 0; i < CALLS; i++) {
		snprintf(want, sizeof(want), "%p %d", (void *)want, i);
		len = sizeof(reply);
		if (echo(pair, want, reply, &len, NULL) != XRPC_REPLIED ||
		    len != strlen(want) || memcmp(want, reply, len))
			return arg;
	}
	return NULL;
}

static void threads_share_a_client_and_a_server(void **state)
{
	struct pair *pair = pair_of(state);
	pthread_t callers[CALLERS];
	void *result;
	int i;

	start_serving(pair, SERVERS);
	for (i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&callers[i], NULL, call_many, pair), 0);
	for (i = 0; i < CALLERS; i++) {
		pthread_join(callers[i], &result);
		assert_null(result);
	}
	assert_int_equal(pair->served, CALLERS * CALLS);
}

static void request_tells_method_deadline_and_source(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_request req;
	char buf[4];

	assert_int_equal(xrpc_start(pair->client, 7, 0, "hello", 5, XRPC_SECOND, 0), 0);
	assert_int_equal(xrpc_recv(pair->server, buf, sizeof(buf), 0, &req), 0);
	assert_int_equal(req.method, 7);
	assert_in_range(req.deadline_us, 1, XRPC_SECOND);
	assert_int_equal(req.len, 4);
	assert_int_equal(req.length, 5);
	assert_int_equal(req.flags, XRPC_REQUEST_TRUNCATED);
	assert_memory_equal(buf, "hell", 4);
	assert_true(IN6_IS_ADDR_LOOPBACK(&req.peer.sxr_addr));
	assert_int_not_equal(req.peer.sxr_call, 0);
}

static void call_without_deadline_of_its_own_tells_none(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_request req;

	assert_int_equal(xrpc_start(pair->client, 0, 0, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_recv(pair->server, NULL, 0, 0, &req), 0);
	assert_int_equal(req.deadline_us, 0);
	assert_int_equal(req.length, 0);
}

static void client_default_timeout_is_used(void **state)
{
	struct pair *pair = pair_of(state);

	assert_int_equal(xrpc_client_set_timeout(pair->client, XRPC_DEADLINE_MAX + 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xrpc_client_set_timeout(pair->client, 50 * XRPC_MILLISECOND), 0);
	assert_int_not_equal(xrpc_call(pair->client, 0, NULL, 0, NULL, NULL, 0, NULL),
			     XRPC_REPLIED);
}

static void requests_are_answered_in_any_order(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_request reqs[3];
	struct xrpc_info info;
	uint64_t cookie;
	char reply[8];
	size_t len;
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(xrpc_start(pair->client, i, i + 100, NULL, 0, 0, 0), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(xrpc_recv(pair->server, NULL, 0, 0, &reqs[i]), 0);
	for (i = 2; i >= 0; i--) {
		assert_int_equal(xrpc_answer(pair->server, &reqs[i].peer, 9, "done", 4), 0);
		len = sizeof(reply);
		assert_int_equal(xrpc_finish(pair->client, &cookie, reply, &len, 0, &info),
				 XRPC_REPLIED);
		assert_int_equal(cookie, reqs[i].method + 100);
		assert_int_equal(info.status, 9);
		assert_int_equal(len, 4);
		assert_memory_equal(reply, "done", 4);
	}
}

static void request_is_answered_once(void **state)
{
	struct pair *pair = pair_of(state);
	struct sockaddr_xrpc altered;
	struct xrpc_request req;

	assert_int_equal(xrpc_start(pair->client, 0, 0, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_recv(pair->server, NULL, 0, 0, &req), 0);

	altered = req.peer;
	altered.sxr_port ^= 1;
	assert_int_equal(xrpc_answer(pair->server, &altered, 0, NULL, 0), -1);
	assert_int_equal(errno, EINVAL);
	altered = req.peer;
	altered.sxr_call = 0;
	assert_int_equal(xrpc_answer(pair->server, &altered, 0, NULL, 0), -1);
	assert_int_equal(errno, EINVAL);

	assert_int_equal(xrpc_answer(pair->server, &req.peer, 0, NULL, 0), 0);
	assert_int_equal(xrpc_answer(pair->server, &req.peer, 0, NULL, 0), -1);
	assert_int_equal(errno, EALREADY);
}

static void cookies_are_unique_among_unfinished_calls(void **state)
{
	struct pair *pair = pair_of(state);
	uint64_t cookie;

	assert_int_equal(xrpc_start(pair->client, 0, 5, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_start(pair->client, 0, 5, NULL, 0, 0, 0), -1);
	assert_int_equal(errno, EEXIST);
	start_serving(pair, 1);
	assert_int_equal(xrpc_finish(pair->client, &cookie, NULL, NULL, 0, NULL),
			 XRPC_REPLIED);
	assert_int_equal(xrpc_start(pair->client, 0, 5, NULL, 0, 0, 0), 0);
}

static void nothing_to_take_is_eagain(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_request req;

	assert_int_equal(xrpc_finish(pair->client, NULL, NULL, NULL, XRPC_DONTWAIT, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(xrpc_recv(pair->server, NULL, 0, XRPC_DONTWAIT, &req), -1);
	assert_int_equal(errno, EAGAIN);
}

static void started_call_that_fails_is_finished_too(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_client *client;
	struct xrpc_info info;
	uint64_t cookie;

	pair->addr.sxr_service = 99;
	client = xrpc_open_addr(&pair->addr);
	assert_non_null(client);
	assert_int_equal(xrpc_start(client, 0, 5, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_finish(client, &cookie, NULL, NULL, 0, &info),
			 XRPC_NOT_EXECUTED);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(info.error, ECONNREFUSED);
	assert_int_equal(cookie, 5);
	xrpc_close(client);
}

static void replies_to_calls_do_not_reach_finish(void **state)
{
	struct pair *pair = pair_of(state);
	struct pollfd pfd = { .fd = xrpc_client_fd(pair->client), .events = POLLIN };
	uint64_t cookie;

	start_serving(pair, 1);
	assert_int_equal(xrpc_start(pair->client, 0, 5, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_call(pair->client, 0, NULL, 0, NULL, NULL, 0, NULL),
			 XRPC_REPLIED);
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	assert_int_equal(xrpc_finish(pair->client, &cookie, NULL, NULL, XRPC_DONTWAIT, NULL),
			 XRPC_REPLIED);
	assert_int_equal(cookie, 5);
	assert_int_equal(poll(&pfd, 1, 0), 0);
}

static void service_that_is_not_there_is_not_executed(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_client *client;
	struct xrpc_info info;

	pair->addr.sxr_service = 99;
	client = xrpc_open_addr(&pair->addr);
	assert_non_null(client);
	assert_int_equal(xrpc_call(client, 0, NULL, 0, NULL, NULL, 0, &info),
			 XRPC_NOT_EXECUTED);
	assert_int_equal(errno, ECONNREFUSED);
	assert_int_equal(info.outcome, XRPC_NOT_EXECUTED);
	assert_int_equal(info.error, ECONNREFUSED);
	xrpc_close(client);
}

static void request_taken_and_not_answered_in_time_is_unknown(void **state)
{
	struct pair *pair = pair_of(state);
	uint32_t ms = 300;
	size_t len = sizeof(ms);

	start_serving(pair, 1);
	assert_int_equal(xrpc_call(pair->client, 1, &ms, sizeof(ms), &ms, &len,
				   100 * XRPC_MILLISECOND, NULL), XRPC_UNKNOWN);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(len, 0);
	/* The late answer is dropped, and the server goes on. */
	assert_int_equal(xrpc_call(pair->client, 0, NULL, 0, NULL, NULL, 0, NULL),
			 XRPC_REPLIED);
}

static void server_that_closes_tells_what_ran(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_request req;
	struct xrpc_info info;
	uint64_t cookie;
	int i;

	assert_int_equal(xrpc_start(pair->client, 0, 1, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_recv(pair->server, NULL, 0, 0, &req), 0);
	assert_int_equal(xrpc_start(pair->client, 0, 2, NULL, 0, 0, 0), 0);
	sleep_ms(100);
	xrpc_server_close(pair->server);
	pair->server = NULL;

	for (i = 0; i < 2; i++) {
		assert_int_not_equal(xrpc_finish(pair->client, &cookie, NULL, NULL, 0, &info),
				     -1);
		assert_int_equal(info.outcome, cookie == 1 ? XRPC_UNKNOWN : XRPC_NOT_EXECUTED);
		assert_int_equal(xrpc_error_outcome(info.error), info.outcome);
	}
}

static void stopped_server_serves_what_waits_and_refuses_the_rest(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_request req;
	struct xrpc_info info;
	uint64_t cookie;

	assert_int_equal(xrpc_start(pair->client, 0, 1, NULL, 0, 0, 0), 0);
	sleep_ms(100);
	xrpc_server_stop(pair->server);
	assert_int_equal(xrpc_call(pair->client, 0, NULL, 0, NULL, NULL, 0, &info),
			 XRPC_NOT_EXECUTED);
	assert_int_equal(info.error, ESHUTDOWN);

	assert_int_equal(xrpc_serve(pair->server, handle, pair), 0);
	assert_int_equal(pair->served, 1);
	assert_int_equal(xrpc_finish(pair->client, &cookie, NULL, NULL, 0, NULL),
			 XRPC_REPLIED);
	assert_int_equal(cookie, 1);
	assert_int_equal(xrpc_recv(pair->server, NULL, 0, 0, &req), -1);
	assert_int_equal(errno, ESHUTDOWN);
}

static void stopping_wakes_every_thread(void **state)
{
	struct pair *pair = pair_of(state);

	start_serving(pair, SERVERS);
	sleep_ms(50);
	/* teardown stops, joins, and holds each to a result of 0 */
}

static void ignore_signal(int sig)
{
	(void)sig;
}

static void interrupt_system_calls(void)
{
	struct sigaction sa = { .sa_handler = ignore_signal };

	sigaction(SIGUSR1, &sa, NULL);
}

static void signals_do_not_end_a_server(void **state)
{
	struct pair *pair = pair_of(state);
	uint32_t ms = 100;
	size_t len = sizeof(ms);
	int i;

	interrupt_system_calls();
	start_serving(pair, 1);
	for (i = 0; i < 5; i++) {
		sleep_ms(20);
		pthread_kill(pair->threads[0], SIGUSR1);
	}
	assert_int_equal(xrpc_start(pair->client, 1, 1, &ms, sizeof(ms), 0, 0), 0);
	for (i = 0; i < 5; i++) {
		sleep_ms(20);
		pthread_kill(pair->threads[0], SIGUSR1);
	}
	assert_int_equal(xrpc_finish(pair->client, NULL, &ms, &len, 0, NULL), XRPC_REPLIED);
	/* This one comes after the answer was taken, in the same system call. */
	sleep_ms(20);
	pthread_kill(pair->threads[0], SIGUSR1);
	assert_int_equal(xrpc_call(pair->client, 0, NULL, 0, NULL, NULL, 0, NULL),
			 XRPC_REPLIED);
	assert_int_equal(pair->served, 2);
}

static void *call_slowly(void *arg)
{
	static struct xrpc_info info;
	struct pair *pair = arg;
	uint32_t ms = 400;

	xrpc_call(pair->client, 1, &ms, sizeof(ms), NULL, NULL, 0, &info);
	return &info;
}

static void interrupted_call_is_unknown(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_info *info;
	pthread_t caller;

	interrupt_system_calls();
	start_serving(pair, 1);
	assert_int_equal(pthread_create(&caller, NULL, call_slowly, pair), 0);
	sleep_ms(200);
	pthread_kill(caller, SIGUSR1);
	pthread_join(caller, (void **)&info);
	assert_int_equal(info->outcome, XRPC_UNKNOWN);
	assert_int_equal(info->error, EINTR);
}

static void server_works_on_a_socket_that_does_not_wait(void **state)
{
	struct pair *pair = pair_of(state);
	char reply[8];
	size_t len = sizeof(reply);

	assert_int_equal(fcntl(xrpc_server_fd(pair->server), F_SETFL, O_NONBLOCK), 0);
	start_serving(pair, 1);
	assert_int_equal(echo(pair, "a", reply, &len, NULL), XRPC_REPLIED);
	sleep_ms(20);
	len = sizeof(reply);
	assert_int_equal(echo(pair, "b", reply, &len, NULL), XRPC_REPLIED);
	assert_int_equal(pair->served, 2);
}

static int too_long(const struct xrpc_request *req, struct xrpc_reply *rep, void *user)
{
	(void)req;
	(void)user;
	rep->len = XRPC_MSG_MAX + 1;
	return XRPC_ANSWER;
}

static int nonsense(const struct xrpc_request *req, struct xrpc_reply *rep, void *user)
{
	(void)req;
	(void)rep;
	(void)user;
	return -1;
}

static void mistakes_of_handlers_are_told(void **state)
{
	struct pair *pair = pair_of(state);

	assert_int_equal(xrpc_start(pair->client, 0, 0, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_serve(pair->server, too_long, NULL), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(xrpc_start(pair->client, 0, 0, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_serve(pair->server, nonsense, NULL), -1);
	assert_int_equal(errno, EINVAL);
}

static int defer(const struct xrpc_request *req, struct xrpc_reply *rep, void *user)
{
	struct sockaddr_xrpc *peers = user;

	(void)rep;
	peers[req->method] = req->peer;
	if (!req->method)
		return XRPC_DEFER;
	rep->status = 1;
	return XRPC_ANSWER;
}

static void *serve_deferring(void *arg)
{
	static struct sockaddr_xrpc peers[2];
	struct pair *pair = arg;

	return xrpc_serve(pair->server, defer, peers) ? NULL : peers;
}

static void handler_may_leave_the_answer_for_later(void **state)
{
	struct pair *pair = pair_of(state);
	struct sockaddr_xrpc *peers;
	struct xrpc_info info;
	uint64_t cookie;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, serve_deferring, pair), 0);
	assert_int_equal(xrpc_start(pair->client, 0, 10, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_start(pair->client, 1, 11, NULL, 0, 0, 0), 0);
	assert_int_equal(xrpc_finish(pair->client, &cookie, NULL, NULL, 0, &info),
			 XRPC_REPLIED);
	assert_int_equal(cookie, 11);
	assert_int_equal(info.status, 1);
	xrpc_server_stop(pair->server);
	pthread_join(thread, (void **)&peers);
	assert_non_null(peers);
	assert_int_equal(xrpc_answer(pair->server, &peers[0], 2, NULL, 0), 0);
	assert_int_equal(xrpc_finish(pair->client, &cookie, NULL, NULL, 0, &info),
			 XRPC_REPLIED);
	assert_int_equal(cookie, 10);
	assert_int_equal(info.status, 2);
}

static void service_in_use_is_not_given_twice(void **state)
{
	struct pair *pair = pair_of(state);
	struct sockaddr_xrpc addr;
	struct xrpc_server *other;

	assert_int_equal(xrpc_server_addr(pair->server, &addr), 0);
	assert_int_not_equal(addr.sxr_port, 0);
	assert_null(xrpc_listen_addr(&addr, 0));
	assert_int_equal(errno, EADDRINUSE);
	addr.sxr_service = 1;
	other = xrpc_listen_addr(&addr, 0);
	assert_non_null(other);
	xrpc_server_close(other);
}

static void clients_of_both_families_reach_one_server(void **state)
{
	struct pair *pair = pair_of(state);
	struct xrpc_client *client;
	char text[32];

	start_serving(pair, 1);
	snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(pair->addr.sxr_port));
	client = xrpc_open(text);
	assert_non_null(client);
	assert_int_equal(xrpc_call(client, 0, NULL, 0, NULL, NULL, 0, NULL), XRPC_REPLIED);
	xrpc_close(client);
	assert_int_equal(xrpc_call(pair->client, 0, NULL, 0, NULL, NULL, 0, NULL),
			 XRPC_REPLIED);
}

static bool family_is_there(void)
{
	int fd = socket(AF_XRPC, SOCK_RDM, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#define test(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(call_brings_reply_and_status),
		test(reply_that_does_not_fit_is_cut_and_said_to_be),
		test(messages_have_any_length_up_to_the_limit),
		test(handler_may_fill_all_of_its_room),
		test(threads_share_a_client_and_a_server),
		test(request_tells_method_deadline_and_source),
		test(call_without_deadline_of_its_own_tells_none),
		test(client_default_timeout_is_used),
		test(requests_are_answered_in_any_order),
		test(request_is_answered_once),
		test(cookies_are_unique_among_unfinished_calls),
		test(nothing_to_take_is_eagain),
		test(started_call_that_fails_is_finished_too),
		test(replies_to_calls_do_not_reach_finish),
		test(service_that_is_not_there_is_not_executed),
		test(request_taken_and_not_answered_in_time_is_unknown),
		test(server_that_closes_tells_what_ran),
		test(stopped_server_serves_what_waits_and_refuses_the_rest),
		test(stopping_wakes_every_thread),
		test(signals_do_not_end_a_server),
		test(interrupted_call_is_unknown),
		test(server_works_on_a_socket_that_does_not_wait),
		test(mistakes_of_handlers_are_told),
		test(handler_may_leave_the_answer_for_later),
		test(service_in_use_is_not_given_twice),
		test(clients_of_both_families_reach_one_server),
	};

	if (!family_is_there()) {
		puts("1..0 # SKIP this kernel has no AF_XRPC");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
