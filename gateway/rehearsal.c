/* What --check does beyond the settings themselves. */
#include "rehearsal.h"

#include "app.h"
#include "log.h"
#include "reloadable.h"
#include "settings.h"
#include "shared_store.h"

int rehearsal_run(const struct settings *settings)
{
    enum log_level level = (enum log_level)settings->log_level;
    struct reloadable reloadable = {0};
    struct shared_store store = {0};

    /* What a start tells of where sessions live is not so here: only what is wrong is said. */
    log_setup(level > LOG_WARN ? level : LOG_WARN, (enum log_format)settings->log_format);
    int keys = reloadable_open(&reloadable, settings, true);
    int sessions = shared_store_open(&store, settings);

    shared_store_close(&store);
    reloadable_release(&reloadable);
    return keys != APP_OK ? keys : sessions;
}
