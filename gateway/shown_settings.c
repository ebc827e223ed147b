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

void shown_settings_take(struct shown_settings *shown, const struct settings *settings)
{
    struct settings *in_force = &shown->settings;

    pthread_mutex_lock(&shown->lock);
    in_force->log_level = settings->log_level;
    in_force->log_format = settings->log_format;
    in_force->player_tls_cert = settings->player_tls_cert;
    in_force->player_tls_key = settings->player_tls_key;
    in_force->admin_tls_cert = settings->admin_tls_cert;
    in_force->admin_tls_key = settings->admin_tls_key;
    in_force->admin_token = settings->admin_token;
    in_force->tokens_keys = settings->tokens_keys;
    in_force->auth_api_keys = settings->auth_api_keys;
    in_force->auth_jwt_keys = settings->auth_jwt_keys;
    in_force->auth_jwt_algorithm = settings->auth_jwt_algorithm;
    in_force->auth_jwt_issuer = settings->auth_jwt_issuer;
    in_force->auth_jwt_audience = settings->auth_jwt_audience;
    in_force->auth_jwt_claims_user = settings->auth_jwt_claims_user;
    in_force->auth_jwt_claims_family = settings->auth_jwt_claims_family;
    in_force->auth_jwt_claims_device = settings->auth_jwt_claims_device;
    in_force->auth_jwt_claims_family_limit = settings->auth_jwt_claims_family_limit;
    in_force->auth_jwt_claims_device_limit = settings->auth_jwt_claims_device_limit;
    pthread_mutex_unlock(&shown->lock);
}

int shown_settings_write(struct shown_settings *shown, struct buf *out)
{
    pthread_mutex_lock(&shown->lock);
    int rc = settings_show(&shown->settings, out);
    pthread_mutex_unlock(&shown->lock);
    return rc;
}
