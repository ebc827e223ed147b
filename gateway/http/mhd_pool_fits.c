/* Linked once by CMake: shows whether libmicrohttpd's archive does with mhd_pool.c in place of its own. */
#include <microhttpd.h>

int main(void)
{
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL,
                                                 NULL, NULL, NULL, MHD_OPTION_END);

    MHD_stop_daemon(daemon);
    return 0;
}
