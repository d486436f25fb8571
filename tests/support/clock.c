/* The time of day as the libraries under Wine see it: what the file SUITE_CLOCK says, seconds since
 * 1970 in eight octets of this machine's order. Preloaded by wine_suite.sh; a program that has no
 * such file, and Wine's server, have the system's time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *place;

__attribute__((constructor)) static void open_clock(void)
{
    const char *name = getenv("SUITE_CLOCK");
    int file;
    void *map;

    if (!name || strstr(program_invocation_name, "wineserver"))
        return;
    file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED)
        place = map;
}

int clock_gettime(clockid_t clock, struct timespec *to)
{
    if (!place || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return syscall(SYS_clock_gettime, clock, to);
    to->tv_sec = *place;
    to->tv_nsec = 0;
    return 0;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    to->tv_sec = now.tv_sec;
    to->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *to)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}
