/**
 * Puts a list's items into that order. None is moved that need not be, and one that is keeps the focus:
 * to browsers, what is moved is taken out first.
 * @param {Element} list @param {Iterable<Element>} items
 */
export function arrange(list, items) {
  const focused = document.activeElement;
  let next = list.firstElementChild;
  for (const item of items) {
    if (item === next) next = next.nextElementSibling;
    else list.insertBefore(item, next);
  }
  if (focused instanceof HTMLElement && list.contains(focused)) focused.focus({ preventScroll: true });
}
