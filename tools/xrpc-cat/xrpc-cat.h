/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of xrpc-cat share. */
#ifndef XRPC_CAT_H
#define XRPC_CAT_H

#include <libxrpc.h>

/* Exit statuses; they are documented. */
enum exit_status {
	EXIT_REPLIED		= 0,
	EXIT_LOCAL		= 1,	/* usage, files, sockets */
	EXIT_STATUS		= 2,	/* replied, with a status other than 0 */
	EXIT_NOT_EXECUTED	= 3,
	EXIT_UNKNOWN		= 4,
};

/* Where messages to send come from. */
enum source {
	FROM_UNSET,
	FROM_STDIN,	/* all of it, or as a server a line each */
	FROM_WHOLE,	/* all of it, also as a server */
	FROM_FILE,
	FROM_DATA,
	FROM_ECHO,	/* server: what came in */
	FROM_EXEC,	/* server: what a program prints */
	FROM_SHELL,	/* server: what a shell command prints */
};

/**
 * struct options - the command line
 * @listen: be a server
 * @address: the operand
 * @resolve: XRPC_RESOLVE_* of -4 and -6
 * @source: where messages come from
 * @text: file, data or command, as @source says
 * @timeout_us: of a call; 0: the system's default
 * @method: what is called
 * @count: how many calls; 0: one as a client, no end as a server
 * @replayable: calls are replayable, or a server takes such unproven
 * @shared: share the service with other servers
 * @verbose: tell on stderr what happens
 */
struct options {
	bool listen;
	const char *address;
	unsigned int resolve;
	enum source source;
	const char *text;
	uint64_t timeout_us;
	uint32_t method;
	unsigned long count;
	bool replayable;
	bool shared;
	bool verbose;
};

/**
 * struct message - bytes to send, or that came
 * @data: where they are
 * @len: how many
 */
struct message {
	char data[XRPC_MSG_MAX];
	size_t len;
};

/* client.c */
int run_client(const struct options *opt);

/* server.c */
int run_server(const struct options *opt);

/* command.c */
bool command_run(const struct options *opt, const struct xrpc_request *req,
		 struct message *answer, uint32_t *status);

/* message.c */
void complain(const char *what, const char *why);
int message_load(struct message *msg, const struct options *opt);
int message_line(struct message *msg);
int message_print(const void *data, size_t len);

#endif /* XRPC_CAT_H */
