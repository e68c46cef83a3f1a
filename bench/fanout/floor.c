/* The floor: the minimal cost of a fan-out. One process, one thread, one prepared frame a tick and
   one send() of it for each subscriber; nothing else.

   floor PORT RATE TEMPLATE... one template a symbol: the text of its price_update, in which a run
                               of T is replaced by the time, of S by the number, of P by two digits.

   It answers a WebSocket handshake unchecked, and of Socket.IO just what the load client needs: the
   open packet, the namespace, the subscription. A socket whose buffer is full misses the tick; one
   that accepted only some bytes of a frame gets the rest first. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 70000
#define EVENTS 512

static const char SWITCH[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\n\r\n";
static const char OPEN[] = "0{\"sid\":\"floor\",\"upgrades\":[],\"pingInterval\":25000,"
    "\"pingTimeout\":20000,\"maxPayload\":1000000}";
static const char CONNECTED[] = "40/webtrader,{\"sid\":\"floor\"}";

struct connection {
    int open, upgraded;
    size_t size, rest;
    uint64_t symbols;
    char in[2048], *left;
};

static struct connection *connections[MOST];
static char *templates[64], names[64][16];
static int symbols, epoll, highest;

/* Frames out */

static void send_rest(int fd, struct connection *c)
{
    ssize_t sent = send(fd, c->left, c->rest, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) memmove(c->left, c->left + sent, c->rest -= sent);
}

static void send_frame(int fd, const char *frame, size_t size)
{
    struct connection *c = connections[fd];
    if (c->rest) send_rest(fd, c);
    if (c->rest) return;
    ssize_t sent = send(fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0 && (size_t)sent < size) {
        c->left = realloc(c->left, c->rest = size - sent);
        memcpy(c->left, frame + sent, c->rest);
    }
}

static size_t framed(char *frame, const char *text, size_t size)
{
    size_t head = size < 126 ? 2 : 4;
    frame[0] = (char)0x81;
    frame[1] = head == 2 ? (char)size : 126;
    if (head == 4) frame[2] = (char)(size >> 8), frame[3] = (char)size;
    memcpy(frame + head, text, size);
    return head + size;
}

static void send_text(int fd, const char *text)
{
    char frame[512];
    send_frame(fd, frame, framed(frame, text, strlen(text)));
}

/* A tick */

static void replace(char *text, char letter, size_t run, const char *value)
{
    char wanted[32];
    memset(wanted, letter, run);
    wanted[run] = 0;
    while ((text = strstr(text, wanted))) memcpy(text, value, run);
}

static void tick(int symbol)
{
    static long count;
    char text[2048], frame[2100], time[32], digits[16];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t size = strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(time + size, sizeof time - size, ".%03dZ", (int)(now.tv_nsec / 1000000));
    strcpy(text, templates[symbol]);
    replace(text, 'T', 24, time);
    snprintf(digits, sizeof digits, "%07ld", 1000000 + ++count % 9000000);
    replace(text, 'S', 7, digits);
    snprintf(digits, sizeof digits, "%ld", 11 + count % 8 * 11);
    replace(text, 'P', 2, digits);
    size = framed(frame, text, strlen(text));
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *c = connections[fd];
        if (c && c->open && c->symbols >> symbol & 1) send_frame(fd, frame, size);
    }
}

/* Frames in */

static void take_text(int fd, char *text)
{
    struct connection *c = connections[fd];
    if (!strncmp(text, "40", 2)) send_text(fd, CONNECTED);
    if (strncmp(text, "42", 2)) return;
    for (int i = 0; i < symbols; i++) {
        char quoted[20];
        snprintf(quoted, sizeof quoted, "\"%s\"", names[i]);
        if (strstr(text, quoted)) c->symbols |= 1ULL << i;
    }
}

static void take(int fd)
{
    struct connection *c = connections[fd];
    char *end;
    c->in[c->size] = 0;
    if (!c->upgraded && (end = strstr(c->in, "\r\n\r\n"))) {
        send(fd, SWITCH, sizeof SWITCH - 1, MSG_NOSIGNAL);
        send_text(fd, OPEN);
        c->upgraded = 1;
        end += 4;
        memmove(c->in, end, c->size -= end - c->in);
    }
    while (c->upgraded && c->size >= 6) {
        unsigned char *in = (unsigned char *)c->in;
        size_t size = in[1] & 127, head = 6;
        if (size == 126) size = in[2] << 8 | in[3], head = 8;
        if (c->size < head + size) return;
        char text[sizeof c->in];
        for (size_t i = 0; i < size; i++) text[i] = in[head + i] ^ in[head - 4 + i % 4];
        text[size] = 0;
        take_text(fd, text);
        memmove(c->in, c->in + head + size, c->size -= head + size);
    }
}

static void receive(int fd)
{
    struct connection *c = connections[fd];
    ssize_t got = recv(fd, c->in + c->size, sizeof c->in - 1 - c->size, MSG_DONTWAIT);
    if (got > 0) {
        c->size += got;
        take(fd);
    } else if (got == 0 || errno != EAGAIN) {
        c->open = 0;
        close(fd);
    }
}

static void accept_all(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= MOST) exit(1);
        struct connection *c = connections[fd];
        if (!c) c = connections[fd] = malloc(sizeof *c), c->left = NULL;
        c->open = 1, c->upgraded = 0, c->size = c->rest = c->symbols = 0;
        if (fd > highest) highest = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static int64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int listen_on_loopback(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address)) exit(1);
    if (listen(listener, 4096)) exit(1);
    return listener;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 3; i < argc && symbols < 64; i++, symbols++) {
        templates[symbols] = argv[i];
        sscanf(strstr(argv[i], "\"symbol\":\"") + 10, "%15[^\"]", names[symbols]);
    }
    int listener = listen_on_loopback(atoi(argv[1]));
    int64_t pause = 1e6 / atof(argv[2]), due = microseconds() + pause;
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.fd = listener};
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int64_t left = due - microseconds();
        int count = epoll_wait(epoll, events, EVENTS, left > 0 ? (int)((left + 999) / 1000) : 0);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) accept_all(listener);
            else receive(events[i].data.fd);
        }
        if (microseconds() < due) continue;
        for (int i = 0; i < symbols; i++) tick(i);
        due += pause;
        /* A missed tick is not sent later. */
        if (due < microseconds()) due = microseconds();
    }
}
