/*
 * refuse.c - run a program to which the system refuses some calls:
 *	refuse membarrier,sched_setaffinity PROGRAM [ARGUMENT...]
 * with EPERM, or another error: madvise=ENOSYS. Exit status 77 where seccomp filters are refused themselves.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct { const char *name; unsigned number; } calls[] = {
	{ "membarrier", SYS_membarrier }, { "sched_setaffinity", SYS_sched_setaffinity }, { "madvise", SYS_madvise },
	{ "mbind", SYS_mbind }, { "set_mempolicy", SYS_set_mempolicy }, { "clone3", SYS_clone3 }, { "clone", SYS_clone },
	{ "fsync", SYS_fsync }, { "fdatasync", SYS_fdatasync }, { "ftruncate", SYS_ftruncate },
	{ "perf_event_open", SYS_perf_event_open },
};
static const struct { const char *name; unsigned number; } errors[] = {
	{ "EPERM", EPERM }, { "ENOSYS", ENOSYS }, { "EAGAIN", EAGAIN }, { "EIO", EIO }, { "ENOSPC", ENOSPC },
	{ "ENOMEM", ENOMEM }, { "EINVAL", EINVAL },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

int
main(int argc, char **argv)
{
	struct sock_filter filter[4 + 2 * COUNT(calls)] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned short length = 1;

	if (argc < 3)
		return 2;
	for (char *word = strtok(argv[1], ","); word != NULL; word = strtok(NULL, ",")) {
		char *equals = strchr(word, '=');
		unsigned call = 0, error = 0;

		if (equals != NULL)
			*equals = '\0';
		while (call < COUNT(calls) && strcmp(calls[call].name, word) != 0)
			call++;
		while (equals != NULL && error < COUNT(errors) && strcmp(errors[error].name, equals + 1) != 0)
			error++;
		if (call == COUNT(calls) || error == COUNT(errors) || length + 3u > COUNT(filter)) {
			fprintf(stderr, "refuse: %s: no such call or error\n", word);
			return 2;
		}
		filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[call].number, 0, 1);
		filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errors[error].number);
	}
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){ length, filter }) != 0)
		return 77;
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
