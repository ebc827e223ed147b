/* The settings in force, for those who ask while the program runs. */
#include "shown_settings.h"

void shown_settings_init(struct shown_settings *shown, const struct settings *settings)
{
    pthread_mutex_init(&shown->lock, NULL);
    shown->settings = *settings;
}

void shown_settings_done(struct shown_settings *shown)
{
    pthread_mutex_destroy(&shown->lock);
}

void shown_settings_set_log(struct shown_settings *shown, int level, int format)
{
    pthread_mutex_lock(&shown->lock);
    shown->settings.log_level = level;
    shown->settings.log_format = format;
    pthread_mutex_unlock(&shown->lock);
}

int shown_settings_write(struct shown_settings *shown, struct buf *out)
{
    pthread_mutex_lock(&shown->lock);
    int rc = settings_show(&shown->settings, out);
    pthread_mutex_unlock(&shown->lock);
    return rc;
}
