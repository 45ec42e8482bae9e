/* SPDX-License-Identifier: Apache-2.0
 * The floor of the daemon's figures: only what a daemon must do. Double fork, session, PID file
 * with a lock, log, a pipe on which the parent waits; then it sleeps until a signal comes. SIGUSR1
 * appends a line to the log, SIGUSR2 puts a file in place by rename, SIGTERM ends it.
 * tests/bench/daemons.py starts it: daemon_floor FOLDER NAME makes FOLDER/NAME.pid, .log, .json */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 512

static void fail(const char *what)
{
    perror(what);
    _exit(EXIT_FAILURE);
}

static void make_path(char *path, char **args, const char *suffix)
{
    if (snprintf(path, PATH_ROOM, "%s/%s%s", args[1], args[2], suffix) >= PATH_ROOM)
        exit(2);
}

static void write_text(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        fail("write");
}

static void hold_pidfile(const char *path)
{
    char text[32];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0)
        fail(path);
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    write_text(fd, text);
}

static void put_file(char **args)
{
    char path[PATH_ROOM], temporary[PATH_ROOM];
    make_path(path, args, ".json");
    make_path(temporary, args, ".tmp");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        fail(temporary);
    write_text(fd, "{}\n");
    close(fd);
    if (rename(temporary, path) < 0)
        fail(path);
}

static void use_files(int log)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close(null);
}

/* Does not return. */
static void serve(char **args, int ready, const sigset_t *signals)
{
    char pidfile[PATH_ROOM], path[PATH_ROOM];
    make_path(pidfile, args, ".pid");
    make_path(path, args, ".log");
    if (chdir("/") < 0)
        fail("chdir");
    umask(027);
    hold_pidfile(pidfile);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (log < 0)
        fail(path);
    use_files(log);
    write_text(ready, "R");
    close(ready);
    for (int number; (number = sigwaitinfo(signals, NULL)) != SIGTERM;) {
        if (number == SIGUSR1)
            write_text(log, "reload: done\n");
        else if (number == SIGUSR2)
            put_file(args);
    }
    unlink(pidfile);
    _exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
    int ends[2];
    char word;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    sigaddset(&signals, SIGHUP);
    if (argc != 3 || pipe2(ends, O_CLOEXEC) < 0 || sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return 2;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        if (setsid() < 0)
            fail("setsid");
        pid_t daemon = fork();
        if (daemon != 0)
            _exit(daemon < 0);
        serve(argv, ends[1], &signals);
    }
    close(ends[1]);
    return child > 0 && read(ends[0], &word, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
