/* The command line: reads it and the settings, and runs the program. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "buf.h"
#include "log.h"
#include "rehearsal.h"
#include "settings.h"

struct options {
    const char *config; /* --config FILE, or NULL */
    bool check;         /* --check */
    bool print_config;  /* --print-config */
};

static const char usage[] =
    "usage: stream-gateway [--config FILE] [--check] [--print-config] [--version] [--help]\n";

static void print_help(void)
{
    struct buf text = BUF_EMPTY;

    settings_help(&text);
    printf("%s\n"
           "  --config FILE   read settings from a JSON file; the environment goes over it\n"
           "  --check         check the settings and the files that they name, and end: 0 where\n"
           "                  they are right, 2 where not\n"
           "  --print-config  print the settings in force as JSON, secrets masked, and end\n"
           "  --version       print the version, and end\n"
           "  --help          print this, and end\n"
           "\nSettings:\n%s",
           usage, buf_text(&text));
    buf_done(&text);
}

/* Returns an exit code where the program ends here; -1 where it goes on. */
static int read_options(int argc, char **argv, struct options *ret_options)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            ret_options->config = argv[++i];
        } else if (strncmp(argv[i], "--config=", 9) == 0) {
            ret_options->config = argv[i] + 9;
        } else if (strcmp(argv[i], "--check") == 0) {
            ret_options->check = true;
        } else if (strcmp(argv[i], "--print-config") == 0) {
            ret_options->print_config = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            printf("stream-gateway %s\n", GATEWAY_VERSION);
            return APP_OK;
        } else if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return APP_OK;
        } else {
            fprintf(stderr, "stream-gateway: %s: unknown option, or without its value\n%s", argv[i],
                    usage);
            return APP_WRONG_SETTING;
        }
    }
    return -1;
}

static int print_config(const struct settings *settings)
{
    struct buf text = BUF_EMPTY;
    int rc = settings_show(settings, &text);

    if (rc == 0)
        fwrite(text.data, 1, text.len, stdout);
    buf_done(&text);
    return rc == 0 ? APP_OK : APP_FAILED;
}

/* One log line for each line of text. */
static void warn_lines(struct buf *warnings)
{
    char *rest = buf_text(warnings);
    char *line;

    while (rest != NULL && (line = strsep(&rest, "\n")) != NULL)
        if (line[0] != '\0')
            log_line(LOG_WARN, "setting", LOG_STR("reason", line));
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct settings settings = {0};
    struct buf reason = BUF_EMPTY, warnings = BUF_EMPTY;
    int rc = read_options(argc, argv, &options);

    if (rc >= 0)
        return rc;
    if (settings_load(&settings, options.config, &reason, &warnings) != 0) {
        fprintf(stderr, "stream-gateway: %s\n", buf_text(&reason));
        rc = APP_WRONG_SETTING;
    } else {
        warn_lines(&warnings);
        if (options.print_config)
            rc = print_config(&settings);
        else
            rc = options.check ? rehearsal_run(&settings) : app_run(&settings, options.config);
    }
    buf_done(&reason);
    buf_done(&warnings);
    settings_free(&settings);
    return rc;
}
