/* The browser's time zone is the first guess in a form that asks for one. */
import { $ } from './dom.js';

const zone = $('[data-zone]');
if (zone && zone.value === zone.dataset.zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
