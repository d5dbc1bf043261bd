// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that answer: the request on their standard input, the answer on
 * their standard output, the status their exit status.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "xrpc-cat.h"

#define ARGS_MAX	64

/* Statuses that a shell gives where there is no exit status. */
#define STATUS_NOT_RUN	127
#define STATUS_SIGNAL	128

/**
 * struct command - a command that runs
 * @pid: its process, the leader of its group
 * @pidfd: polls readable when it has ended
 * @in: write end of its standard input, -1 once all is written
 * @out: read end of its standard output, -1 once it was closed
 * @req: the request
 * @written: bytes of the request that it took
 * @answer: what it has printed
 * @deadline: CLOCK_MONOTONIC milliseconds; negative: none
 */
struct command {
	pid_t pid;
	int pidfd;
	int in;
	int out;
	const struct xrpc_request *req;
	size_t written;
	struct message *answer;
	long long deadline;
};

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void put_env(const char *name, unsigned long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", value);
	setenv(name, text, 1);
}

static void describe(const struct xrpc_request *req)
{
	char peer[XRPC_FORMAT_LEN];

	if (xrpc_format(&req->peer, peer, sizeof(peer)))
		setenv("XRPC_PEER", peer, 1);
	put_env("XRPC_METHOD", req->method);
	if (req->deadline_us)
		put_env("XRPC_DEADLINE_US", req->deadline_us);
	else
		unsetenv("XRPC_DEADLINE_US");
}

/* Blanks part the words; for anything finer there is the shell. */
static int split_words(char *text, char **argv)
{
	char *save;
	char *word;
	int n = 0;

	for (word = strtok_r(text, " \t", &save); word;
	     word = strtok_r(NULL, " \t", &save)) {
		if (n == ARGS_MAX)
			return -E2BIG;
		argv[n++] = word;
	}
	argv[n] = NULL;
	return n ? 0 : -EINVAL;
}

/* Returns 0 or an errno, as posix_spawn() does. */
static int spawn(struct command *cmd, char **argv, int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults;
	int err;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	/* A group of its own, so that all of a pipeline can be ended. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	err = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawnp(&cmd->pid, argv[0], &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

static int spawn_shell(struct command *cmd, const struct options *opt, int in,
		       int out)
{
	char *argv[] = { "/bin/sh", "-c", (char *)opt->text, NULL };

	return spawn(cmd, argv, in, out);
}

static int spawn_words(struct command *cmd, const struct options *opt, int in,
		       int out)
{
	char *argv[ARGS_MAX + 1];
	char *text;
	int err;

	text = strdup(opt->text);
	if (!text)
		return ENOMEM;
	err = -split_words(text, argv);
	if (!err)
		err = spawn(cmd, argv, in, out);
	free(text);
	return err;
}

static int make_pipes(int in[2], int out[2])
{
	if (pipe2(in, O_CLOEXEC))
		return -1;
	if (pipe2(out, O_CLOEXEC)) {
		close_end(&in[0]);
		close_end(&in[1]);
		return -1;
	}
	/* A command that does not read must not keep us from reading. */
	if (fcntl(in[1], F_SETFL, O_NONBLOCK))
		complain("fcntl", strerror(errno));
	return 0;
}

/* Returns 0 or an errno, as posix_spawn() does. */
static int start(struct command *cmd, const struct options *opt)
{
	int out[2];
	int in[2];
	int err;

	if (make_pipes(in, out))
		return errno;
	describe(cmd->req);
	if (opt->source == FROM_SHELL)
		err = spawn_shell(cmd, opt, in[0], out[1]);
	else
		err = spawn_words(cmd, opt, in[0], out[1]);
	close_end(&in[0]);
	close_end(&out[1]);

	if (!err) {
		cmd->pidfd = pidfd_open(cmd->pid, 0);
		if (cmd->pidfd < 0) {
			err = errno;
			kill(-cmd->pid, SIGKILL);
			waitpid(cmd->pid, NULL, 0);
		}
	}
	if (err) {
		close_end(&in[1]);
		close_end(&out[0]);
		return err;
	}
	cmd->in = in[1];
	cmd->out = out[0];
	return 0;
}

static void feed(struct command *cmd)
{
	const char *data = cmd->req->data;
	ssize_t n;

	n = write(cmd->in, data + cmd->written, cmd->req->len - cmd->written);
	if (n > 0)
		cmd->written += n;
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A command need not read its input: that is its own affair. */
	if (n < 0 || cmd->written == cmd->req->len)
		close_end(&cmd->in);
}

/* Returns -1 where it printed more than fits. */
static int drain(struct command *cmd)
{
	struct message *answer = cmd->answer;
	size_t room = sizeof(answer->data) - answer->len;
	char more;
	ssize_t n;

	n = read(cmd->out, room ? answer->data + answer->len : &more, room ? room : 1);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0) {
		close_end(&cmd->out);
		return 0;
	}
	if (!room)
		return -1;
	answer->len += n;
	return 0;
}

static int time_left(const struct command *cmd)
{
	long long left;

	if (cmd->deadline < 0)
		return -1;
	left = cmd->deadline - now_ms();
	if (left < 0)
		return 0;
	return left < INT32_MAX ? left : INT32_MAX;
}

static const char out_of_time[] = "ended at the deadline of its request";

/* Returns NULL when the command has ended, else why it has to. */
static const char *attend(struct command *cmd)
{
	struct pollfd fds[3];
	int n;

	for (;;) {
		/* A negative one is passed over. */
		fds[0] = (struct pollfd) { .fd = cmd->in, .events = POLLOUT };
		fds[1] = (struct pollfd) { .fd = cmd->out, .events = POLLIN };
		fds[2] = (struct pollfd) { .fd = cmd->out < 0 ? cmd->pidfd : -1,
					   .events = POLLIN };
		n = poll(fds, 3, time_left(cmd));
		if (n < 0 && errno != EINTR)
			return strerror(errno);
		if (!n)
			return out_of_time;
		if (n < 0)
			continue;
		if (fds[0].revents)
			feed(cmd);
		if (fds[1].revents && drain(cmd))
			return "ended: its answer is longer than 65536 bytes";
		if (fds[2].revents)
			return NULL;
	}
}

static uint32_t reap(struct command *cmd)
{
	int status;

	while (waitpid(cmd->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return STATUS_SIGNAL + WTERMSIG(status);
	return WEXITSTATUS(status);
}

/**
 * command_run() - let the command of the command line answer a request
 * @opt: the command line
 * @req: the request
 * @answer: filled with what the command printed; empty where it was ended
 * @status: filled with its exit status: 127 where it did not start, 128 and
 *	the number of the signal where one ended it
 *
 * Return: true where there is an answer; false where the time for it is over.
 */
bool command_run(const struct options *opt, const struct xrpc_request *req,
		 struct message *answer, uint32_t *status)
{
	struct command cmd = { .req = req, .answer = answer, .deadline = -1 };
	const char *why;
	int err;

	answer->len = 0;
	if (req->deadline_us)
		cmd.deadline = now_ms() + req->deadline_us / 1000;
	signal(SIGPIPE, SIG_IGN);
	err = start(&cmd, opt);
	if (err) {
		complain(opt->text, strerror(err));
		*status = STATUS_NOT_RUN;
		return true;
	}

	why = attend(&cmd);
	if (why) {
		complain(opt->text, why);
		kill(-cmd.pid, SIGKILL);
		answer->len = 0;
	}
	*status = reap(&cmd);
	close_end(&cmd.in);
	close_end(&cmd.out);
	close_end(&cmd.pidfd);
	return why != out_of_time;
}
