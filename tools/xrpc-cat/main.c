// SPDX-License-Identifier: GPL-2.0-only
/* xrpc-cat: calls and answers from the command line, in netcat's manner. */

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xrpc-cat.h"

static const char usage_text[] =
"Usage: xrpc-cat [OPTION]... HOST:PORT[/SERVICE]\n"
"       xrpc-cat -l [OPTION]... [HOST:]PORT[/SERVICE]\n"
"Call a service with standard input as the request, and print its reply;\n"
"or with -l print requests, and answer each by a line of standard input.\n"
"\n"
"Client:\n"
"  -t, --timeout=TIME    give up after TIME: seconds, or with ms or us behind it\n"
"  -m, --method=NUMBER   what is called (0)\n"
"  -r, --replayable      the call may run any number of times\n"
"\n"
"Server:\n"
"  -l, --listen          be a server\n"
"  -e, --exec=COMMAND    let COMMAND answer: request in, answer out, exit status\n"
"  -c, --sh-exec=COMMAND the same by a shell\n"
"      --echo            answer with the request\n"
"  -w, --whole           answer every request by all of standard input\n"
"  -r, --replayable      take replayable calls from clients that proved no address\n"
"      --shared          share the service with other servers that say so\n"
"\n"
"Both:\n"
"  -d, --data=TEXT       send TEXT instead of standard input\n"
"  -f, --file=FILE       send what is in FILE\n"
"  -n, --count=NUMBER    end after NUMBER calls\n"
"  -4, -6                IPv4 only, IPv6 only\n"
"  -v, --verbose         tell on standard error what happens\n"
"  -h, --help            show this\n"
"  -V, --version         show the version\n"
"\n"
"Exit status: 0 replied; 1 usage or local error; 2 replied with a status other\n"
"than 0; 3 not executed, and never will be; 4 unknown: it may have run.\n";

enum {
	OPT_ECHO = 256,
	OPT_SHARED,
};

static const char short_options[] = "lt:m:re:c:wd:f:n:46vhV";

static const struct option long_options[] = {
	{ "listen",	no_argument,		NULL, 'l' },
	{ "timeout",	required_argument,	NULL, 't' },
	{ "method",	required_argument,	NULL, 'm' },
	{ "replayable",	no_argument,		NULL, 'r' },
	{ "exec",	required_argument,	NULL, 'e' },
	{ "sh-exec",	required_argument,	NULL, 'c' },
	{ "echo",	no_argument,		NULL, OPT_ECHO },
	{ "whole",	no_argument,		NULL, 'w' },
	{ "shared",	no_argument,		NULL, OPT_SHARED },
	{ "data",	required_argument,	NULL, 'd' },
	{ "file",	required_argument,	NULL, 'f' },
	{ "count",	required_argument,	NULL, 'n' },
	{ "ipv4",	no_argument,		NULL, '4' },
	{ "ipv6",	no_argument,		NULL, '6' },
	{ "verbose",	no_argument,		NULL, 'v' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ NULL,		0,			NULL, 0 },
};

static int bad_usage(const char *what, const char *why)
{
	complain(what, why);
	fputs("Try 'xrpc-cat --help'.\n", stderr);
	return -1;
}

static int parse_number(const char *text, unsigned long min, unsigned long max,
			unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 0);
	if (!isdigit((unsigned char)text[0]) || *end || errno ||
	    *value < min || *value > max)
		return bad_usage(text, "not a number that is possible here");
	return 0;
}

static int parse_method(struct options *opt, const char *text)
{
	unsigned long value;

	if (parse_number(text, 0, UINT32_MAX, &value))
		return -1;
	opt->method = value;
	return 0;
}

static int parse_time(struct options *opt, const char *text)
{
	double value;
	char *end;

	value = strtod(text, &end);
	if (!strcmp(end, "us"))
		value /= 1e6;
	else if (!strcmp(end, "ms"))
		value /= 1e3;
	else if (*end && strcmp(end, "s"))
		end = (char *)text;

	value *= XRPC_SECOND;
	if (end == text || !isfinite(value) || value < 1 || value > XRPC_DEADLINE_MAX)
		return bad_usage(text, "not a time between 1us and 4294s");
	opt->timeout_us = value;
	return 0;
}

static int set_source(struct options *opt, enum source source, const char *text)
{
	if (opt->source != FROM_UNSET)
		return bad_usage("options", "only one of -c, -d, -e, -f, -w, --echo");
	opt->source = source;
	opt->text = text;
	return 0;
}

/* Returns 0; -1 after a complaint; 1 where all is done. */
static int parse_option(struct options *opt, int c)
{
	switch (c) {
	case 'l':
		opt->listen = true;
		return 0;
	case 't':
		return parse_time(opt, optarg);
	case 'm':
		return parse_method(opt, optarg);
	case 'r':
		opt->replayable = true;
		return 0;
	case 'e':
		return set_source(opt, FROM_EXEC, optarg);
	case 'c':
		return set_source(opt, FROM_SHELL, optarg);
	case OPT_ECHO:
		return set_source(opt, FROM_ECHO, NULL);
	case 'w':
		return set_source(opt, FROM_WHOLE, NULL);
	case OPT_SHARED:
		opt->shared = true;
		return 0;
	case 'd':
		return set_source(opt, FROM_DATA, optarg);
	case 'f':
		return set_source(opt, FROM_FILE, optarg);
	case 'n':
		return parse_number(optarg, 1, UINT32_MAX, &opt->count);
	case '4':
		opt->resolve |= XRPC_RESOLVE_IPV4;
		return 0;
	case '6':
		opt->resolve |= XRPC_RESOLVE_IPV6;
		return 0;
	case 'v':
		opt->verbose = true;
		return 0;
	case 'h':
		fputs(usage_text, stdout);
		return 1;
	case 'V':
		printf("xrpc-cat %s\n", xrpc_version());
		return 1;
	default:
		fputs("Try 'xrpc-cat --help'.\n", stderr);
		return -1;
	}
}

/* Options that mean nothing on their side are mistakes, and said to be. */
static int check_options(const struct options *opt)
{
	bool answers = opt->source == FROM_EXEC || opt->source == FROM_SHELL ||
		       opt->source == FROM_ECHO || opt->source == FROM_WHOLE;

	if (opt->resolve == (XRPC_RESOLVE_IPV4 | XRPC_RESOLVE_IPV6))
		return bad_usage("options", "only one of -4, -6");
	if (!opt->listen && (answers || opt->shared))
		return bad_usage("options", "-c, -e, -w, --echo and --shared need -l");
	if (opt->listen && (opt->timeout_us || opt->method))
		return bad_usage("options", "-t and -m are the client's");
	return 0;
}

static int parse(struct options *opt, int argc, char **argv)
{
	int err;
	int c;

	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		err = parse_option(opt, c);
		if (err)
			return err;
	}
	if (optind == argc)
		return bad_usage("operand", opt->listen ? "no port" : "no address");
	if (optind + 1 != argc)
		return bad_usage(argv[optind + 1], "one operand too many");
	opt->address = argv[optind];
	if (check_options(opt))
		return -1;
	if (opt->source == FROM_UNSET)
		opt->source = FROM_STDIN;
	return 0;
}

int main(int argc, char **argv)
{
	struct options opt = { .source = FROM_UNSET };

	switch (parse(&opt, argc, argv)) {
	case 0:
		return opt.listen ? run_server(&opt) : run_client(&opt);
	case 1:
		return fflush(stdout) ? EXIT_LOCAL : EXIT_REPLIED;
	default:
		return EXIT_LOCAL;
	}
}
