// What a cab keeps on the device: its acts, and facts such as the last picture. In IndexedDB, so that a page that is
// killed loses nothing; each change of the acts is one transaction, so that two pages never change the same one.

const NAME = "zhanpai-cab";
let opened = null;

function database() {
  opened ??= new Promise((done, failed) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("acts", { keyPath: "n", autoIncrement: true });
      asked.result.createObjectStore("facts");
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
  opened.catch(() => (opened = null));
  return opened;
}

async function within(store, mode, work) {
  const transaction = (await database()).transaction(store, mode, { durability: "strict" });
  return new Promise((done, failed) => {
    let result;
    work(transaction.objectStore(store), (found) => (result = found));
    transaction.oncomplete = () => done(result);
    transaction.onabort = transaction.onerror = () => failed(transaction.error);
  });
}

export const acts = () => within("acts", "readonly", (store, give) => (store.getAll().onsuccess = (event) => give(event.target.result)));

// `work` sees all acts and answers {put: [act], gone: [n]}; what it answers comes back once it is on the disk.
export const change = (work) => within("acts", "readwrite", (store, give) => {
  store.getAll().onsuccess = (event) => {
    const wanted = work(event.target.result);
    for (const act of wanted.put ?? []) store.put(act);
    for (const n of wanted.gone ?? []) store.delete(n);
    give(wanted);
  };
});

export const fact = (name) => within("facts", "readonly", (store, give) => (store.get(name).onsuccess = (event) => give(event.target.result)));
export const keep = (name, value) => within("facts", "readwrite", (store) => void store.put(value, name));
