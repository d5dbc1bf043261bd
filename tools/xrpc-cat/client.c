// SPDX-License-Identifier: GPL-2.0-only
/* The client: a request from somewhere, its reply to standard output. */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "xrpc-cat.h"

#define ADDRS_MAX	16

static struct xrpc_client *open_first(const struct options *opt)
{
	struct sockaddr_xrpc addrs[ADDRS_MAX];
	struct xrpc_client *client = NULL;
	int i, n;

	n = xrpc_resolve(opt->address, opt->resolve, addrs, ADDRS_MAX);
	if (n < 0 && errno == EINVAL) {
		complain(opt->address, "not of the form HOST:PORT[/SERVICE]");
		return NULL;
	}
	for (i = 0; i < n && !client; i++)
		client = xrpc_open_addr(&addrs[i]);
	if (!client)
		complain(opt->address, errno == EINVAL ?
			 "not an address that can be called" : xrpc_strerror(errno));
	return client;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/* Failures are always told, the rest where it is wanted. */
static void tell(const struct options *opt, const struct xrpc_client *client,
		 const struct xrpc_info *info, double ms)
{
	char peer[XRPC_FORMAT_LEN];

	xrpc_format(xrpc_client_peer(client), peer, sizeof(peer));
	if (info->outcome == XRPC_REPLIED && !opt->verbose)
		return;
	fprintf(stderr, "xrpc-cat: %s: %s", peer, xrpc_outcome_name(info->outcome));
	if (opt->verbose)
		fprintf(stderr, " after %.3f ms", ms);
	if (info->outcome == XRPC_REPLIED)
		fprintf(stderr, ", status %u, %llu bytes\n", info->status,
			(unsigned long long)info->length);
	else
		fprintf(stderr, ": %s\n", xrpc_strerror(info->error));
}

static int exit_status(const struct xrpc_info *info)
{
	switch (info->outcome) {
	case XRPC_REPLIED:
		return info->status ? EXIT_STATUS : EXIT_REPLIED;
	case XRPC_NOT_EXECUTED:
		return EXIT_NOT_EXECUTED;
	default:
		return EXIT_UNKNOWN;
	}
}

static int call_once(const struct options *opt, struct xrpc_client *client,
		     const struct message *req, struct message *reply)
{
	struct xrpc_info info;
	double start;

	reply->len = sizeof(reply->data);
	start = now_ms();
	xrpc_call(client, opt->method, req->data, req->len, reply->data,
		  &reply->len, opt->timeout_us, &info);
	tell(opt, client, &info, now_ms() - start);
	if (info.outcome == XRPC_REPLIED && message_print(reply->data, reply->len))
		return EXIT_LOCAL;
	return exit_status(&info);
}

/**
 * run_client() - make the calls that the command line asks for
 * @opt: the command line
 *
 * Return: exit status, of the first call that was not simply replied.
 */
int run_client(const struct options *opt)
{
	static struct message req, reply;
	unsigned long left = opt->count ? opt->count : 1;
	struct xrpc_client *client;
	int status = EXIT_REPLIED;

	client = open_first(opt);
	if (!client)
		return EXIT_LOCAL;
	if (message_load(&req, opt)) {
		xrpc_close(client);
		return EXIT_LOCAL;
	}

	xrpc_client_set_replayable(client, opt->replayable);
	while (left-- && status == EXIT_REPLIED)
		status = call_once(opt, client, &req, &reply);
	xrpc_close(client);
	return status;
}
