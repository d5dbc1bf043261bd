// SPDX-License-Identifier: GPL-2.0-only
/* The server: answers requests, one after another. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "xrpc-cat.h"

/* What a server that has nothing left to say answers. */
#define STATUS_FAILED	1

#define ADDRS_MAX	2

static struct xrpc_server *serving;

static void stop(int sig)
{
	(void)sig;
	xrpc_server_stop(serving);
}

static int catch_signals(void)
{
	/* Once: whoever asks twice does not want to wait. */
	struct sigaction sa = { .sa_handler = stop, .sa_flags = SA_RESETHAND };

	return sigaction(SIGINT, &sa, NULL) || sigaction(SIGTERM, &sa, NULL);
}

static struct xrpc_server *listen_first(const struct options *opt)
{
	unsigned int flags = (opt->replayable ? XRPC_LISTEN_REPLAYABLE : 0) |
			     (opt->shared ? XRPC_LISTEN_SHARED : 0);
	struct sockaddr_xrpc addrs[ADDRS_MAX];
	struct xrpc_server *server = NULL;
	int i, n;

	n = xrpc_resolve(opt->address, opt->resolve | XRPC_RESOLVE_PASSIVE,
			 addrs, ADDRS_MAX);
	if (n < 0 && errno == EINVAL) {
		complain(opt->address, "not of the form [HOST:]PORT[/SERVICE]");
		return NULL;
	}
	for (i = 0; i < n && !server; i++) {
		server = xrpc_listen_addr(&addrs[i], flags);
		if (!server && errno != EADDRNOTAVAIL)
			break;
	}
	if (!server)
		complain(opt->address, xrpc_strerror(errno));
	return server;
}

static void tell_listening(void)
{
	struct sockaddr_xrpc addr;
	char text[XRPC_FORMAT_LEN];

	if (!xrpc_server_addr(serving, &addr) && xrpc_format(&addr, text, sizeof(text)))
		fprintf(stderr, "xrpc-cat: listening on %s\n", text);
}

static void tell_request(const struct xrpc_request *req)
{
	char peer[XRPC_FORMAT_LEN];

	if (!xrpc_format(&req->peer, peer, sizeof(peer)))
		return;
	fprintf(stderr, "xrpc-cat: request from %s: method %u, %zu bytes",
		peer, req->method, req->len);
	if (req->deadline_us)
		fprintf(stderr, ", %.3f ms left", req->deadline_us / 1e3);
	fputs(req->peer.sxr_call ? "\n" : ", no answer wanted\n", stderr);
}

/* What find_answer() found. */
enum found {
	FOUND_ANSWER,
	FOUND_LAST,	/* an answer, and there will be no other */
	FOUND_NONE,	/* too late for one */
	FOUND_ERROR,	/* and it was complained */
};

static enum found find_answer(const struct options *opt,
			      const struct xrpc_request *req,
			      const struct message *request,
			      struct message *answer, uint32_t *status)
{
	*status = 0;
	switch (opt->source) {
	case FROM_ECHO:
		*answer = *request;
		return FOUND_ANSWER;
	case FROM_EXEC:
	case FROM_SHELL:
		return command_run(opt, req, answer, status) ? FOUND_ANSWER : FOUND_NONE;
	default:
		break;
	}

	if (message_print(request->data, request->len))
		return FOUND_ERROR;
	/* Other sources were read before the first request. */
	if (opt->source != FROM_STDIN || !req->peer.sxr_call)
		return FOUND_ANSWER;
	if (message_line(answer) > 0)
		return FOUND_ANSWER;
	answer->len = 0;
	*status = STATUS_FAILED;
	return FOUND_LAST;
}

static void give_answer(const struct options *opt, const struct xrpc_request *req,
			const struct message *answer, uint32_t status)
{
	if (!req->peer.sxr_call)
		return;
	if (xrpc_answer(serving, &req->peer, status, answer->data, answer->len))
		complain("answer", xrpc_strerror(errno));
	else if (opt->verbose)
		fprintf(stderr, "xrpc-cat: answered: status %u, %zu bytes\n",
			status, answer->len);
}

/* Returns 1 to go on, 0 to end, -1 to end badly. */
static int serve_one(const struct options *opt, struct message *answer)
{
	static struct message request;
	struct xrpc_request req;
	enum found found;
	uint32_t status;

	if (xrpc_recv(serving, request.data, sizeof(request.data), 0, &req)) {
		if (errno == EINTR)
			return 1;
		if (errno == ESHUTDOWN)
			return 0;
		complain(opt->address, xrpc_strerror(errno));
		return -1;
	}
	request.len = req.len;
	if (opt->verbose)
		tell_request(&req);

	found = find_answer(opt, &req, &request, answer, &status);
	if (found == FOUND_ERROR)
		return -1;
	if (found != FOUND_NONE)
		give_answer(opt, &req, answer, status);
	return found != FOUND_LAST;
}

static bool reads_ahead(const struct options *opt)
{
	return opt->source == FROM_WHOLE || opt->source == FROM_FILE ||
	       opt->source == FROM_DATA;
}

static int serve(const struct options *opt)
{
	static struct message answer;
	unsigned long served = 0;
	int more = 1;

	if (reads_ahead(opt) && message_load(&answer, opt))
		return EXIT_LOCAL;
	if (catch_signals()) {
		complain("signals", xrpc_strerror(errno));
		return EXIT_LOCAL;
	}
	if (opt->verbose)
		tell_listening();

	while (more > 0 && (!opt->count || served < opt->count)) {
		more = serve_one(opt, &answer);
		served++;
	}
	return more < 0 ? EXIT_LOCAL : EXIT_REPLIED;
}

/**
 * run_server() - serve until the count is reached, input ends, or a signal
 * @opt: the command line
 *
 * Return: exit status.
 */
int run_server(const struct options *opt)
{
	int status;

	serving = listen_first(opt);
	if (!serving)
		return EXIT_LOCAL;
	status = serve(opt);

	/* From here on a signal finds no server to stop. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	xrpc_server_close(serving);
	return status;
}
