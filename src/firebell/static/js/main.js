/* All behaviors of every page. Each is optional: pages work without scripts. No eval, because of the CSP. */
import './countdowns.js';
import './connection.js';
import './live.js';
import './palette.js';
import './inbox.js';
import './shortcuts.js';
import './classify.js';
import './controls.js';
import './composer.js';
import './preview.js';
import './form_fields.js';
import './submit.js';
import './offline_actions.js';
