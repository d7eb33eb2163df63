import { QueryTypes, Sequelize, type Transaction } from 'sequelize';
import { type OpenDriver, type Query, rowsOf } from './sql-driver.js';

export const openSequelize: OpenDriver = (url) => {
  const sequelize = new Sequelize(url, { logging: false, pool: { max: 3, acquire: 2000 } });
  const queryIn =
    (transaction: Transaction | null): Query =>
    async (text, values = []) => {
      const type = /^\s*select/.test(text) ? QueryTypes.SELECT : QueryTypes.RAW;
      return rowsOf(await sequelize.query(text, { replacements: [...values], transaction, type }));
    };
  return {
    query: queryIn(null),
    transaction: (work) => sequelize.transaction((transaction) => work(queryIn(transaction))),
    close: () => sequelize.close(),
  };
};
