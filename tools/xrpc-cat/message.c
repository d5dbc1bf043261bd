// SPDX-License-Identifier: GPL-2.0-only
/* Where messages come from, and where they and complaints go. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xrpc-cat.h"

static const char too_long[] = "longer than a message of 65536 bytes";

void complain(const char *what, const char *why)
{
	fprintf(stderr, "xrpc-cat: %s: %s\n", what, why);
}

/* Reads to the end, and one byte further than fits, to know that it was. */
static int read_all(struct message *msg, int fd, const char *name)
{
	char more;
	ssize_t n;

	msg->len = 0;
	for (;;) {
		if (msg->len < sizeof(msg->data))
			n = read(fd, msg->data + msg->len, sizeof(msg->data) - msg->len);
		else
			n = read(fd, &more, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			complain(name, strerror(errno));
			return -1;
		}
		if (!n)
			return 0;
		if (msg->len == sizeof(msg->data)) {
			complain(name, too_long);
			return -1;
		}
		msg->len += n;
	}
}

static int load_file(struct message *msg, const char *name)
{
	int err;
	int fd;

	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		complain(name, strerror(errno));
		return -1;
	}
	err = read_all(msg, fd, name);
	close(fd);
	return err;
}

/**
 * message_load() - fill a message from where the command line says
 * @msg: the message
 * @opt: the command line
 *
 * Return: 0; or -1, and it was complained.
 */
int message_load(struct message *msg, const struct options *opt)
{
	switch (opt->source) {
	case FROM_FILE:
		return load_file(msg, opt->text);
	case FROM_DATA:
		msg->len = strlen(opt->text);
		if (msg->len > sizeof(msg->data)) {
			complain("--data", too_long);
			return -1;
		}
		memcpy(msg->data, opt->text, msg->len);
		return 0;
	default:
		return read_all(msg, STDIN_FILENO, "standard input");
	}
}

/**
 * message_line() - fill a message with the next line of standard input
 * @msg: the message; the line keeps its end
 *
 * Return: 1; 0 at the end; -1 with a complaint where it does not fit.
 */
int message_line(struct message *msg)
{
	int c = EOF;

	msg->len = 0;
	while ((c = getchar()) != EOF) {
		if (msg->len == sizeof(msg->data)) {
			complain("line of standard input", too_long);
			return -1;
		}
		msg->data[msg->len++] = c;
		if (c == '\n')
			break;
	}
	return msg->len > 0;
}

/**
 * message_print() - write bytes to standard output
 * @data: the bytes
 * @len: how many
 *
 * Return: 0; or -1, and it was complained.
 */
int message_print(const void *data, size_t len)
{
	if (fwrite(data, 1, len, stdout) == len && !fflush(stdout))
		return 0;
	complain("standard output", strerror(errno));
	return -1;
}
