/* The message of a save is announced by being written again. It goes after 10 s, but not while the pointer or
   the focus rests on it, for as long as the server accepts its undo. */
import { $ } from './dom.js';

const box = $('#flash'), message = box && $('[role=status]', box);
if (box) {
  const text = message.textContent, born = Date.now();
  let left = 10000;
  message.textContent = ''; setTimeout(() => { message.textContent = text; }, 50);
  const clock = setInterval(() => {
    if (!box.matches(':hover, :focus-within')) left -= 250;
    if (left <= 0 || Date.now() - born > 55000) { clearInterval(clock); box.remove(); }
  }, 250);
}
