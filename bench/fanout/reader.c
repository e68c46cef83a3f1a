/* The load client's reader: takes WebSocket frames from many sockets and counts price updates.

   One epoll, one recv() per ready socket, everything that came is parsed at once. Python connects
   the sockets and hands them over; plain_reader.py does the same where there is no C compiler. */

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define GROUPS 2
#define BUCKETS 100000      /* of 0.1 ms; the last one holds all that is slower */
#define BUFFER (1 << 17)
#define EVENTS 512
#define MASK_KEY "\x11\x22\x33\x44"

static const char *const UPDATES[] = {
    "42/webtrader,[\"price_update\",", "{\"type\":\"quote\",", "{\"type\":\"asset_update\",", NULL,
};
static const char SYMBOL[] = "\"symbol\":\"";
static const char MADE[] = "\"provider_time\":\"";
static const char SEQ[] = "\"seq\":";

struct tally {
    uint64_t updates;       /* price_update messages */
    uint64_t bytes;         /* as they came over the socket */
    uint64_t reads;         /* recv() calls that gave something */
    uint64_t others;        /* other messages: pings, statuses */
    uint64_t untimed;       /* updates without a time of making */
    uint64_t regressions;   /* updates with a smaller number than the one before, same symbol */
    uint64_t lost;          /* connections that ended */
    uint64_t counted;       /* updates made within the window; only they have a latency */
    int64_t slowest;        /* the greatest latency, in microseconds */
    int64_t newest;         /* when the newest update was made, in microseconds since 1970 */
    uint32_t latency[BUCKETS];
};

struct connection {
    int fd, group;
    size_t held;            /* bytes of an incomplete frame */
    char *incomplete;
};

struct reader {
    int epoll, symbols;
    struct connection *connections;
    uint64_t *seqs;         /* by connection and symbol */
    uint64_t names[64];
    size_t symbol_at, made_at, seq_at;
    char day[10];
    int64_t day_starts;
    int64_t from, until;    /* the window, in microseconds since 1970 */
    struct tally tally[GROUPS];
    char buffer[BUFFER];
};

static uint64_t packed(const char *name, size_t length)
{
    uint64_t value = 0;
    memcpy(&value, name, length > 8 ? 8 : length);
    return value;
}

struct reader *reader_new(int connections, const char *symbols)
{
    struct reader *r = calloc(1, sizeof *r);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->connections = calloc(connections, sizeof *r->connections);
    for (const char *name = symbols; *name && r->symbols < 64;) {
        size_t length = strcspn(name, ",");
        r->names[r->symbols++] = packed(name, length);
        name += length + (name[length] == ',');
    }
    r->seqs = calloc((size_t)connections * (r->symbols + 1), sizeof *r->seqs);
    return r;
}

int reader_fd(struct reader *r) { return r->epoll; }

size_t reader_tally_size(void) { return sizeof(struct tally); }

struct tally *reader_tally(struct reader *r, int group) { return &r->tally[group]; }

/* Count from zero, latencies of updates that are made from `from` until `until`. */
void reader_reset(struct reader *r, int64_t from, int64_t until)
{
    memset(r->tally, 0, sizeof r->tally);
    r->from = from, r->until = until;
}

/* The bytes of a frame. */

static int64_t days_since_1970(int year, int month, int day)
{
    year -= month <= 2;
    int era = year / 400, of_era = year - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int number(const char *text, int digits)
{
    int value = 0;
    while (digits--) value = value * 10 + *text++ - '0';
    return value;
}

/* 2026-11-21T02:10:49.123Z as microseconds since 1970. */
static int64_t moment(struct reader *r, const char *text)
{
    if (memcmp(r->day, text, 10)) {
        memcpy(r->day, text, 10);
        r->day_starts = days_since_1970(number(text, 4), number(text + 5, 2), number(text + 8, 2));
    }
    int64_t seconds = number(text + 11, 2) * 3600 + number(text + 14, 2) * 60 + number(text + 17, 2);
    return (r->day_starts * 86400 + seconds) * 1000000 + number(text + 20, 3) * 1000LL;
}

/* The text after a key, which is mostly at the same place as in the frame before. */
static const char *after(const char *text, size_t length, const char *key, size_t size, size_t *at)
{
    if (*at + size > length || memcmp(text + *at, key, size)) {
        const char *place = memmem(text, length, key, size);
        if (!place) return NULL;
        *at = place - text;
    }
    return text + *at + size;
}
#define AFTER(key, at) after(text, length, key, sizeof key - 1, at)

static void take_update(struct reader *r, int index, const char *text, size_t length, int64_t now)
{
    struct tally *tally = &r->tally[r->connections[index].group];
    const char *symbol = AFTER(SYMBOL, &r->symbol_at), *made = AFTER(MADE, &r->made_at);
    const char *seq = AFTER(SEQ, &r->seq_at);
    tally->updates++;
    if (symbol && seq) {
        const char *end = memchr(symbol, '"', text + length - symbol);
        uint64_t name = packed(symbol, end ? end - symbol : 0), value = strtoull(seq, NULL, 10);
        int which = 0;
        while (which < r->symbols && r->names[which] != name) which++;
        uint64_t *last = &r->seqs[(size_t)index * (r->symbols + 1) + which];
        if (value < *last) tally->regressions++;
        *last = value;
    }
    if (!made || made + 24 > text + length) {
        tally->untimed++;
        return;
    }
    int64_t then = moment(r, made), took = now > then ? now - then : 0;
    if (then > tally->newest) tally->newest = then;
    if (then < r->from || then >= r->until) return;
    tally->counted++;
    if (took > tally->slowest) tally->slowest = took;
    tally->latency[took / 100 < BUCKETS ? took / 100 : BUCKETS - 1]++;
}

static void send_masked(int fd, int opcode, const char *payload, size_t length)
{
    char frame[132] = {(char)(0x80 | opcode), (char)(0x80 | length)};
    memcpy(frame + 2, MASK_KEY, 4);
    for (size_t i = 0; i < length; i++) frame[6 + i] = payload[i] ^ MASK_KEY[i & 3];
    send(fd, frame, 6 + length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int is_update(const char *text, size_t length)
{
    for (const char *const *beginning = UPDATES; *beginning; beginning++) {
        size_t size = strlen(*beginning);
        if (length > size && !memcmp(text, *beginning, size)) return 1;
    }
    return 0;
}

static int take_frame(struct reader *r, int index, int opcode, const char *text, size_t length,
                      int64_t now)
{
    int fd = r->connections[index].fd;
    if (opcode == 1 && is_update(text, length)) {
        take_update(r, index, text, length, now);
        return 1;
    }
    r->tally[r->connections[index].group].others++;
    if (opcode == 1 && length >= 1 && text[0] == '2') send_masked(fd, 1, "3", 1);
    if (opcode == 9 && length < 126) send_masked(fd, 10, text, length);
    return opcode != 8;
}

/* Read all complete frames; returns their bytes, or -1 where the connection has to end. */
static long take_frames(struct reader *r, int index, const char *data, size_t size, int64_t now)
{
    size_t at = 0;
    while (size - at >= 2) {
        const unsigned char *head = (const unsigned char *)data + at;
        size_t length = head[1] & 127, skip = 2;
        if (length == 126) {
            if (size - at < 4) break;
            length = head[2] << 8 | head[3], skip = 4;
        } else if (length == 127) {
            if (size - at < 10) break;
            length = 0, skip = 10;
            for (int i = 2; i < 10; i++) length = length << 8 | head[i];
        }
        if (length > BUFFER / 2) return -1;
        if (size - at < skip + length) break;
        if (!take_frame(r, index, head[0] & 15, data + at + skip, length, now)) return -1;
        at += skip + length;
    }
    return at;
}

static int64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void end(struct reader *r, struct connection *c)
{
    r->tally[c->group].lost++;
    epoll_ctl(r->epoll, EPOLL_CTL_DEL, c->fd, NULL);
    c->fd = -1;
}

/* Read `size` bytes, which are in the buffer behind the held bytes of the connection. */
static void take(struct reader *r, int index, size_t size)
{
    struct connection *c = &r->connections[index];
    if (c->held) memcpy(r->buffer, c->incomplete, c->held);
    size += c->held;
    long used = take_frames(r, index, r->buffer, size, wall_clock());
    if (used < 0) {
        end(r, c);
        return;
    }
    c->held = size - used;
    if (c->held) {
        c->incomplete = realloc(c->incomplete, c->held);
        memcpy(c->incomplete, r->buffer + used, c->held);
    }
}

/* Read this socket from now on; `rest` was read from it already. */
void reader_add(struct reader *r, int index, int fd, int group, const char *rest, size_t size)
{
    struct connection *c = &r->connections[index];
    c->fd = fd, c->group = group, c->held = 0;
    memset(&r->seqs[(size_t)index * (r->symbols + 1)], 0, (r->symbols + 1) * sizeof *r->seqs);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event);
    if (size > 0 && size < BUFFER) {
        memcpy(r->buffer, rest, size);
        take(r, index, size);
    }
}

/* Wait so many milliseconds for something to read, and read it; returns the readable sockets. */
int reader_poll(struct reader *r, int timeout)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(r->epoll, events, EVENTS, timeout);
    for (int i = 0; i < count; i++) {
        int index = events[i].data.u32;
        struct connection *c = &r->connections[index];
        if (c->fd < 0) continue;
        ssize_t size = recv(c->fd, r->buffer + c->held, BUFFER - c->held, MSG_DONTWAIT);
        if (size > 0) {
            r->tally[c->group].bytes += size;
            r->tally[c->group].reads++;
            take(r, index, size);
        } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
            end(r, c);
        }
    }
    return count;
}
