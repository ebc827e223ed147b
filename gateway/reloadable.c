/* What can change while the program runs. */
#include "reloadable.h"

#include <stdbool.h>
#include <stddef.h>

#include "app.h"
#include "buf.h"
#include "keyring.h"
#include "keys.h"
#include "listener_tls.h"
#include "log.h"

static int load(struct reloadable *reloadable, const struct settings *settings, bool trial,
                struct buf *reason)
{
    int code = APP_OK;

    if (listener_tls_load(settings, LISTENER_PLAYER, &reloadable->player_tls, reason) != 0 ||
        listener_tls_load(settings, LISTENER_ADMIN, &reloadable->admin_tls, reason) != 0)
        return APP_WRONG_SETTING;
    reloadable->keys = keys_load(settings, trial, reason, &code);
    return code;
}

int reloadable_open(struct reloadable *reloadable, const struct settings *settings, bool trial)
{
    struct buf reason = BUF_EMPTY;
    int rc = load(reloadable, settings, trial, &reason);

    if (rc != APP_OK)
        log_line(LOG_ERROR, "keys or certificates can't be used",
                 LOG_STR("reason", buf_text(&reason)));
    buf_done(&reason);
    return rc;
}

/* Whether what was read differs from the start in something that can't change. */
static bool needs_restart(const struct reloadable *read, const struct settings *started_with,
                          const struct reloadable *in_force, struct buf *reason)
{
    const char *what = NULL;

    if (read->settings.auth_mode != started_with->auth_mode)
        what = "auth.mode";
    else if ((read->settings.player_tls_cert == NULL) != (in_force->player_tls == NULL))
        what = "whether player.tls.cert is set";
    else if ((read->settings.admin_tls_cert == NULL) != (in_force->admin_tls == NULL))
        what = "whether admin.tls.cert is set";
    if (what != NULL)
        buf_printf(reason, "%s is another than at the start, which needs a restart", what);
    return what != NULL;
}

int reloadable_read(struct reloadable *reloadable, const char *file,
                    const struct settings *started_with, const struct reloadable *in_force,
                    struct buf *reason)
{
    struct buf warnings = BUF_EMPTY;
    int rc = settings_load(&reloadable->settings, file, reason, &warnings);

    buf_done(&warnings);
    if (rc != 0 || needs_restart(reloadable, started_with, in_force, reason))
        return -1;
    return load(reloadable, &reloadable->settings, false, reason) == APP_OK ? 0 : -1;
}

void reloadable_release(struct reloadable *reloadable)
{
    settings_free(&reloadable->settings);
    keyring_release(reloadable->keys);
    listener_tls_release(reloadable->player_tls);
    listener_tls_release(reloadable->admin_tls);
    *reloadable = (struct reloadable){0};
}
