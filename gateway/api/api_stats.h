/*
 * What GET /admin/v1/stats tells of the metrics (common/metrics.h): read when asked for, summed over all threads.
 * Any thread.
 *
 *     struct api_stats *stats = api_stats_read();
 *     const char *route;
 *     uint64_t requests;
 *
 *     for (size_t i = 0; api_stats_route(stats, i, &route, &requests); i++)
 *         json_writer_int(&writer, route, (int64_t)requests);
 *     api_stats_free(stats);
 */
#ifndef API_STATS_H
#define API_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_stats;

/* The metrics as they are now. NULL where memory runs out. */
struct api_stats *api_stats_read(void);
void api_stats_free(struct api_stats *stats); /* accepts NULL */

/*
 * The n-th route, as method and pattern ("POST /v1/sessions", "ANY /v1/authorize"; "other" is what no route
 * matched), and how often it was asked; both listeners' routes, in the order of their tables. The name is valid
 * until the next is asked for. false: there is no n-th.
 */
bool api_stats_route(struct api_stats *stats, size_t n, const char **ret_name,
                     uint64_t *ret_requests);

/*
 * The n-th code for which creates are denied ("family_limit", "device_limit", "rate_limited", "forbidden"), and
 * how often this gateway did. false: there is no n-th.
 */
bool api_stats_denial(const struct api_stats *stats, size_t n, const char **ret_code,
                      uint64_t *ret_denials);

/* How often this gateway found Redis to be away. */
uint64_t api_stats_outages(const struct api_stats *stats);

/* Whole seconds since this process began. */
int64_t api_stats_uptime_s(void);

#endif
