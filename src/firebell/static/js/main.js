/* Firebell: progressive enhancement only. Every page works without it. No eval, strict-CSP safe.
   What one page alone needs is named by that page. */
import './timers.js';
import './connection.js';
import './live.js';
import './palette.js';
import './inbox.js';
import './shortcuts.js';
import './classify.js';
import './dialogs.js';
import './composer.js';
import './preview.js';
import './conditional_fields.js';
import './menus.js';
import './flash.js';
import './time_zone.js';
import './copy_and_print.js';
import './submit.js';
import './offline.js';
import './pending.js';
