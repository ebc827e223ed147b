/* What a viewer asks. Each sends one request; the viewer must have none under way. */
#ifndef VIEWERS_VIEWER_CALL_H
#define VIEWERS_VIEWER_CALL_H

#include "viewer.h"

/* A throw of the dice: from 0 to less than 1, all alike. */
double viewers_dice(struct viewers *all);

/* Asks for a session of any title, in the place of viewer->left and viewer->given_up, where it has
 * them. */
void viewer_create(struct viewer *viewer);

/* These need viewer->view. forged: with a token that is changed in one place; zaps: to any other
 * title. */
void viewer_authorize(struct viewer *viewer, bool forged);
void viewer_heartbeat(struct viewer *viewer, bool zaps);
void viewer_stop(struct viewer *viewer);
void viewer_list(struct viewer *viewer);

#endif
