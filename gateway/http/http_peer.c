/* Who has connected: named and counted once, when the connection comes. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "http_private.h"

_Static_assert(HTTP_CLIENT_SIZE >= INET6_ADDRSTRLEN, "an address is a client's name");

struct http_peer http_peer_of(const struct http_server *server, int fd, const struct sockaddr *from)
{
    struct net_address address = net_address_of(from);
    struct http_peer peer = {.client = net_address_client(&address)};
    struct ucred user;
    socklen_t size = sizeof user;

    net_address_text(&peer.client, peer.name);
    if (from == NULL && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &size) == 0)
        snprintf(peer.name, sizeof peer.name, "uid %u", (unsigned)user.uid);
    peer.is_trusted = http_proxies_trust(&server->options.proxies, &address);
    return peer;
}

bool http_peer_enter(const struct http_server *server, struct http_peer *peer)
{
    struct http_addresses *addresses = server->options.addresses;

    if (addresses == NULL || peer->is_trusted || net_address_is_none(&peer->client))
        return true;
    peer->is_counted = http_addresses_enter(addresses, &peer->client);
    return peer->is_counted;
}

void http_peer_leave(const struct http_server *server, struct http_peer *peer)
{
    if (peer->is_counted)
        http_addresses_leave(server->options.addresses, &peer->client);
    peer->is_counted = false;
}
