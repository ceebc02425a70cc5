/* Announces the message of a save by writing it again, and removes it after its time without pointer or focus on it. */
import { $ } from './dom.js';

const box = $('#flash'), message = box && $('[role=status]', box);
if (box) {
  const text = message.textContent, born = Date.now();
  let left = box.dataset.s * 1000;
  message.textContent = ''; setTimeout(() => { message.textContent = text; }, 50);
  const clock = setInterval(() => {
    if (!box.matches(':hover, :focus-within')) left -= 250;
    if (left <= 0 || Date.now() - born > 55000) { clearInterval(clock); box.remove(); }
  }, 250);
}
