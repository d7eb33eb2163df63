import { DataSource, type EntityManager } from 'typeorm';
import { numbered, type OpenDriver, type Query, rowsOf } from './sql-driver.js';

export const openTypeorm: OpenDriver = async (url) => {
  const isPostgres = url.startsWith('postgres');
  const source = new DataSource(
    isPostgres
      ? { type: 'postgres', url, extra: { max: 3 }, poolErrorHandler: () => {} }
      : { type: 'mysql', url, extra: { connectionLimit: 3 } },
  );
  await source.initialize();
  const queryOn =
    (manager: Pick<EntityManager, 'query'>): Query =>
    async (text, values = []) =>
      rowsOf(await manager.query(isPostgres ? numbered(text) : text, [...values]));
  return {
    query: queryOn(source.manager),
    transaction: (work) => source.transaction((manager) => work(queryOn(manager))),
    close: () => source.destroy(),
  };
};
